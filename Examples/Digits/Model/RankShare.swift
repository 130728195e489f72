/// How the digits of a batch are dealt to ranks whose leaves differ in speed.
public enum RankShare {
    /// Name of the variable that the launcher sets: a decimal number from 0 to 1.
    public static let variable = "FLEXMIG_RANK_SHARE"

    /// A share out of range.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Reads the share of a rank.
    ///
    /// - Parameter text: the variable's value; nil or empty means an equal share.
    public static func parse(_ text: String?, ranks: Int) throws(Invalid) -> Double {
        guard let text, !text.isEmpty else { return 1 / Double(ranks) }
        guard let share = Double(text), (0...1).contains(share) else {
            throw Invalid(description: "\(variable) is \"\(text)\"; allowed is a decimal number from 0 to 1")
        }
        return share
    }

    /// Deals `total` digits in proportion to the shares, by largest remainders: each rank gets its exact part rounded
    /// down, and what is left goes one by one to the ranks whose parts lost most; of equals, to the lower rank.
    ///
    /// - Parameter shares: not negative; they need not sum to 1. All zero counts as all equal.
    /// - Returns: as many numbers as shares; their sum is `total`.
    public static func deal(_ total: Int, by shares: [Double]) -> [Int] {
        let sum = shares.reduce(0, +)
        let exact = shares.map { Double(total) * (sum > 0 ? $0 / sum : 1 / Double(shares.count)) }
        var parts = exact.map { Int($0.rounded(.down)) }
        let remainders = exact.indices.map { exact[$0] - Double(parts[$0]) }
        let order = exact.indices.sorted {
            remainders[$0] != remainders[$1] ? remainders[$0] > remainders[$1] : $0 < $1
        }
        for rank in order.prefix(total - parts.reduce(0, +)) { parts[rank] += 1 }
        return parts
    }

    /// The digits of one rank within a batch of `total`, when every rank takes the next ones after the rank before.
    public static func range(of rank: Int, in total: Int, by shares: [Double]) -> Range<Int> {
        let parts = deal(total, by: shares)
        let start = parts[..<rank].reduce(0, +)
        return start..<start + parts[rank]
    }
}
