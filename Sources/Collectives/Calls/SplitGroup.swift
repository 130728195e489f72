/// The group that a rank gets into when a communicator is split. Only decides.
package struct SplitGroup: Hashable, Sendable {
    /// What a rank says about itself.
    package struct Entry: Hashable, Sendable, BitwiseCopyable {
        /// -1 for none.
        package var color: Int
        package var key: Int
        /// A random number; the one of the group's first rank names the group.
        package var token: UInt64

        package init(color: Int, key: Int, token: UInt64) {
            self.color = color
            self.key = key
            self.token = token
        }
    }

    /// The rank in the new group, and the group's size.
    package let rank: Int
    package var size: Int { members.count }
    /// The ranks of the old group that are in the new one, in its order.
    package let members: [Int]
    private let token: UInt64

    /// - Parameter rank: the one whose group it is; it has a color.
    package init(of rank: Int, among entries: [Entry]) {
        let color = entries[rank].color
        let members = entries.indices.filter { entries[$0].color == color }
            .sorted { (entries[$0].key, $0) < (entries[$1].key, $1) }
        self.members = members
        self.rank = members.firstIndex(of: rank) ?? 0
        token = entries[members.first ?? rank].token
    }

    /// A name that nobody outside can guess, beginning with the parent's, so that a launcher finds what is left.
    package func name(in parent: String, split number: Int) -> String {
        "\(parent.prefix(150))-s\(number)-\(String(token, radix: 16))"
    }
}
