/// The keys of every large object in hash tables, which find duplicates in linear time and a key in constant time.
///
/// A small object has no table. Its few members are compared one by one, which is faster than hashing, and a text of a
/// million small objects needs no million tables.
struct JSONKeyIndex: Sendable {
    /// The members of the largest object without a table.
    static let smallObject = 16

    private struct Table: Sendable {
        /// Its first slot, and its size, a power of two, less one.
        let base: Int
        let mask: Int
    }

    private var tables: [Int: Table] = [:]
    /// The slots of all tables. A slot holds a member's node, or 0: node 0 is the root, which is never a member.
    private var slots: [UInt32] = []
    /// Members whose key occurs in the same object before them, in text order.
    private(set) var duplicates: [UInt32] = []

    init(of tape: JSONTape) {
        for object in tape.nodes.indices where tape.nodes[object].kind == .object {
            if tape.nodes[object].extent <= Self.smallObject {
                findDuplicates(inSmall: object, of: tape)
            } else {
                addTable(for: object, of: tape)
            }
        }
        duplicates.sort()
    }

    /// The first member with that key, or nil; always nil for an object without a table, see ``hasTable(_:)``.
    func member(_ key: String, of object: Int, in tape: JSONTape) -> Int? {
        guard let table = tables[object] else { return nil }
        let slot = self.slot(in: table, hash: Self.hash(key.utf8)) { tape.hasKey(key, at: $0) }
        return slots[slot] == 0 ? nil : Int(slots[slot])
    }

    func hasTable(_ object: Int) -> Bool { tables[object] != nil }

    private mutating func findDuplicates(inSmall object: Int, of tape: JSONTape) {
        let end = Int(tape.nodes[object].next)
        var later = object + 1
        while later < end {
            var earlier = object + 1
            while earlier < later {
                if tape.haveSameKey(earlier, later) {
                    duplicates.append(UInt32(later))
                    break
                }
                earlier = Int(tape.nodes[earlier].next)
            }
            later = Int(tape.nodes[later].next)
        }
    }

    private mutating func addTable(for object: Int, of tape: JSONTape) {
        // At most half full, so that a search ends after two or three slots.
        var size = 1
        while size < 2 * Int(tape.nodes[object].extent) { size *= 2 }
        let table = Table(base: slots.count, mask: size - 1)
        slots.append(contentsOf: repeatElement(0, count: size))
        tables[object] = table

        let end = Int(tape.nodes[object].next)
        var member = object + 1
        while member < end {
            let hash = Self.hash(JSONStringBytes(of: tape.bytes, at: Int(tape.nodes[member].label)))
            let slot = self.slot(in: table, hash: hash) { tape.haveSameKey($0, member) }
            if slots[slot] == 0 {
                slots[slot] = UInt32(member)
            } else {
                duplicates.append(UInt32(member))
            }
            member = Int(tape.nodes[member].next)
        }
    }

    /// The slot whose member matches, or the free slot where it belongs.
    private func slot(in table: Table, hash: Int, matching isMatch: (Int) -> Bool) -> Int {
        var probe = hash & table.mask
        while slots[table.base + probe] != 0, !isMatch(Int(slots[table.base + probe])) {
            probe = (probe + 1) & table.mask
        }
        return table.base + probe
    }

    /// The standard library's hash has a secret seed. So nobody can write a text whose keys all fall into one slot.
    private static func hash(_ bytes: some Sequence<UInt8>) -> Int {
        var hasher = Hasher()
        for byte in bytes { hasher.combine(byte) }
        return hasher.finalize()
    }
}
