extension PolicyFollower {
    /// Something that became different between a follower's source, the router and the saved copy.
    public struct Event: Sendable, CustomStringConvertible {
        /// The kind of event, for programs.
        public let kind: Kind
        /// The revision that the event is about, or nil if it is about none.
        public let revision: UInt32?
        /// What is wrong, or nil if nothing is: an `UpdateError`, or the `FileError` of a copy that cannot be saved.
        public let error: (any Error)?
        /// A sentence for a log.
        public let description: String

        /// The kind of an event. A minor release may add kinds.
        public struct Kind: Hashable, Sendable, CustomStringConvertible {
            /// The kind as a word, stable between releases.
            public let description: String

            private init(_ description: String) { self.description = description }

            /// The source has a new policy, and it runs.
            public static let accepted = Kind("accepted")
            /// The source goes back: from now on it has an older policy than the one that runs, which goes on. Still older
            /// ones are part of the same event. It ends with `recovered`, `accepted` or `refused`.
            public static let ignored = Kind("ignored")
            /// The source has something that is no policy, or a policy that must not run. The last good one goes on. A
            /// policy that fails only beside the running revision is judged again when another revision runs.
            public static let refused = Kind("refused")
            /// A gate or the time stopped the policy, or another change went first. The policy is tried again.
            public static let delayed = Kind("delayed")
            /// After `ignored`, `refused` or `delayed`: the source has the policy that runs.
            public static let recovered = Kind("recovered")
            /// The source cannot be asked at present. It is asked again.
            public static let unreachable = Kind("unreachable")
            /// The source could not be asked before, and now it answers.
            public static let reached = Kind("reached")
            /// The source has ended: it will never have anything new.
            public static let ended = Kind("ended")
            /// The policy of the saved copy runs.
            public static let restored = Kind("restored")
            /// The copy for a start without the source cannot be saved. It is tried again.
            public static let unsaved = Kind("unsaved")
            /// The copy could not be saved before, and now it is.
            public static let saved = Kind("saved")
        }

        private init(_ kind: Kind, _ revision: UInt32?, _ description: String, _ error: (any Error)? = nil) {
            self.kind = kind
            self.revision = revision
            self.description = description
            self.error = error
        }

        static func accepted(revision: UInt32) -> Event { Event(.accepted, revision, "revision \(revision) runs") }

        static func ignored(revision: UInt32, running: UInt32) -> Event {
            Event(.ignored, revision, "revision \(revision) is ignored, because revision \(running) runs")
        }

        static func refused(_ error: UpdateError, revision: UInt32? = nil) -> Event {
            Event(.refused, revision, "refused, the last good policy runs on: \(error)", error)
        }

        static func delayed(_ error: UpdateError, revision: UInt32) -> Event {
            Event(.delayed, revision, "revision \(revision) does not run yet, and is tried again: \(error)", error)
        }

        static func recovered(revision: UInt32) -> Event {
            Event(.recovered, revision, "good again: revision \(revision) runs")
        }

        static func unreachable(_ error: UpdateError) -> Event {
            Event(.unreachable, nil, "the source is asked again, the last good policy runs on: \(error)", error)
        }

        static let reached = Event(.reached, nil, "the source answers again")

        static let ended = Event(.ended, nil, "the source has ended, the last good policy runs on")

        static func restored(revision: UInt32) -> Event {
            Event(.restored, revision, "revision \(revision) runs, from the saved copy")
        }

        static func unsaved(_ error: FileError) -> Event {
            Event(.unsaved, nil, "the copy for a start without the source cannot be saved: \(error)", error)
        }

        static func saved(revision: UInt32) -> Event {
            Event(.saved, revision, "the copy of revision \(revision) is saved")
        }
    }

    /// No policy runs: neither the source nor the saved copy has one that may.
    public struct StartError: Error, Hashable, Sendable {
        /// What is wrong with the source, or with its policy.
        public let source: UpdateError
        /// What is wrong with the saved copy, or nil if there was to be none.
        public let savedCopy: UpdateError?
    }
}

extension PolicyFollower.Event: Hashable {
    /// Whether both have the same kind and the same description.
    public static func == (left: PolicyFollower.Event, right: PolicyFollower.Event) -> Bool {
        left.kind == right.kind && left.description == right.description
    }

    /// Feeds the kind and the description.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(description)
    }
}

extension PolicyFollower.StartError: CustomStringConvertible {
    /// Both problems in full sentences.
    public var description: String {
        "There is no policy to start with. \(source)" + (savedCopy.map { "\nNor in the saved copy. \($0)" } ?? "")
    }
}
