/// A version of NCCL, such as 2.29.7. Orders as versions do.
public struct NCCLVersion: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public let patch: Int

    public init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads "2.29.7", or the start of a longer text such as "2.29.7+cuda13.0"; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let numbers = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(
            separator: ".", omittingEmptySubsequences: false
        ).map { Int($0) }
        guard numbers.count >= 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        self.init(major, minor, numbers.count > 2 ? numbers[2] ?? 0 : 0)
    }

    /// What `ncclGetVersion` answers: 23007 is 2.30.7; up to 2.8 it counted in hundreds, so 2708 is 2.7.8.
    public init?(code: Int) {
        guard code >= 1000 else { return nil }
        self =
            code < 10000
            ? NCCLVersion(code / 1000, code / 100 % 10, code % 100)
            : NCCLVersion(code / 10000, code / 100 % 100, code % 100)
    }

    public static func < (left: NCCLVersion, right: NCCLVersion) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    public var description: String { "\(major).\(minor).\(patch)" }

    /// The first version whose guide describes MIG instances.
    public static let firstWithMIG = NCCLVersion(2, 31)
    /// The versions that look for the interface (v8) of our plugin; newer ones have not been seen.
    public static let firstWithPlugin = NCCLVersion(2, 21)
    public static let lastSeenWithPlugin = NCCLVersion(2, 32, 99)
    /// The first version that knows `NCCL_HOSTID`.
    public static let firstWithHostID = NCCLVersion(2, 5, 6)
}
