/// What the keys of a session router were and are, and whether sessions may be lost by the change.
public struct KeyChange: Hashable, Sendable {
    /// The numbers of the keys before, in their order; the last one signed.
    public let oldIDs: [UInt8]
    /// The numbers of the keys now, in their order; the last one signs.
    public let newIDs: [UInt8]
    /// Why sessions may be lost. Empty for each step of a rotation that takes two.
    public let risks: [Risk]

    /// A way in which a change of keys loses sessions. A minor release may add some.
    public struct Risk: Hashable, Sendable, CustomStringConvertible {
        /// The risk as a word, stable between releases.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The key that signs now was not among the keys before. Replicas that do not have it yet lose what it signs.
        public static let newSigner = Risk("newSigner")
        /// The key that signed until now is gone. What it signed is lost here.
        public static let lostSigner = Risk("lostSigner")
    }

    /// The change, or nil if it is none.
    ///
    /// Keys are the same if they have the same number and the same secret. What a service's own authenticator computes
    /// cannot be compared; so keys with one are a change each time, and a key with one is the same as any of its number.
    init?(from old: SigningKeys, to new: SigningKeys) {
        if let before = old.fingerprint, before == new.fingerprint { return nil }
        oldIDs = old.ids
        newIDs = new.ids
        var risks: [Risk] = []
        if let signer = new.keys.last, !old.has(signer) { risks.append(.newSigner) }
        if let signer = old.keys.last, !new.has(signer) { risks.append(.lostSigner) }
        self.risks = risks
    }
}

extension KeyChange: CustomStringConvertible {
    /// The numbers before and now, and each risk in a sentence.
    public var description: String {
        let numbers = "\(SigningKeys.text(newIDs)), before: \(SigningKeys.text(oldIDs))"
        return ([numbers] + risks.map(sentence)).joined(separator: "; ")
    }

    private func sentence(on risk: Risk) -> String {
        let (old, new) = (oldIDs.last ?? 0, newIDs.last ?? 0)
        if risk == .newSigner {
            return "key \(new) signs at once, so replicas that do not have it yet lose its sessions"
        }
        let fate = newIDs.contains(old) ? "has another secret" : "is gone"
        return "key \(old) signed until now and \(fate), so its sessions are lost"
    }
}

extension SigningKeys {
    fileprivate func has(_ key: SigningKey) -> Bool { keys.contains { $0.isSame(as: key) } }

    /// What keys of the same numbers and secrets in the same order have in common, and no others. Nil if a service's own
    /// authenticator is among them.
    ///
    /// It tells nothing of the secrets: it is a digest of HMACs.
    var fingerprint: SHA256.Digest? {
        var bytes: [UInt8] = []
        for key in keys {
            guard case .hmac(let hmac) = key.method else { return nil }
            bytes.append(key.id)
            bytes += hmac.begin().finalize().bytes
        }
        return unsafe bytes.withUnsafeBytes { bytes in unsafe SHA256.digest(bytes) }
    }
}
