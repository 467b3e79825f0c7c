#if canImport(Glibc)
    import Foundation
    import Glibc

    /// What a test needs of a request.
    struct LoopbackRequest: Sendable {
        /// The path with its query.
        let target: String
        private let lines: [Substring]

        /// Reads a request's head, or nil for anything else: a browser may try TLS first.
        init?(_ head: String) {
            lines = head.split(separator: "\r\n")
            let words = lines.first?.split(separator: " ") ?? []
            guard words.count == 3, words[0] == "GET", words[2] == "HTTP/1.1" else { return nil }
            target = String(words[1])
        }

        /// The values of a header's lines, by its name in lower case.
        func headers(_ name: String) -> [String] {
            lines.dropFirst().compactMap { line in
                guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { return nil }
                return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
    }

    /// An HTTP/1.1 server on a free port of 127.0.0.1, for requests without a body.
    ///
    /// Each connection has its own thread and carries one request: browsers open some in advance and leave them idle.
    final class LoopbackServer: Sendable {
        struct Unavailable: Error {
            let call: String
            let code = errno
        }

        let port: UInt16
        private let listener: CInt

        /// Starts a server that sends back what the closure gives: an answer's head, with its length, and its body.
        init(_ answer: @escaping @Sendable (LoopbackRequest) -> String) throws {
            let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
            guard listener >= 0 else { throw Unavailable(call: "socket") }
            do { port = try Self.listen(listener) } catch {
                close(listener)
                throw error
            }
            self.listener = listener
            Thread.detachNewThread {
                while case let connection = accept(listener, nil, nil), connection >= 0 {
                    Thread.detachNewThread { Self.serve(connection, answer) }
                }
                close(listener)
            }
        }

        /// Accepts nothing any more.
        func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

        private static func listen(_ listener: CInt) throws -> UInt16 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            try unsafe withUnsafeMutablePointer(to: &address) { address in
                try unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    guard unsafe bind(listener, address, size) == 0 else { throw Unavailable(call: "bind") }
                    guard Glibc.listen(listener, 16) == 0 else { throw Unavailable(call: "listen") }
                    guard unsafe getsockname(listener, address, &size) == 0 else {
                        throw Unavailable(call: "getsockname")
                    }
                }
            }
            return UInt16(bigEndian: address.sin_port)
        }

        private static func serve(_ connection: CInt, _ answer: (LoopbackRequest) -> String) {
            defer { close(connection) }
            guard let request = LoopbackRequest(head(from: connection)) else { return }
            var rest = Array(answer(request).utf8)[...]
            while !rest.isEmpty {
                // Without a signal if the browser has gone.
                let sent = unsafe rest.withUnsafeBytes { bytes in
                    unsafe send(connection, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
                }
                guard sent > 0 else { return }
                rest = rest.dropFirst(sent)
            }
        }

        private static func head(from connection: CInt) -> String {
            var head = ""
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while !head.hasSuffix("\r\n\r\n"), head.utf8.count < buffer.count {
                let count = unsafe recv(connection, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                head += String(decoding: buffer[..<count], as: UTF8.self)
            }
            return head
        }
    }
#endif
