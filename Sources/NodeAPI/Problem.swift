/// An error as the API tells it: `application/problem+json` of RFC 9457.
public struct Problem: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// One field of a request that is wrong.
    public struct Field: Hashable, Sendable, Codable {
        public var name: String
        public var reason: String

        public init(name: String, reason: String) {
            self.name = name
            self.reason = reason
        }
    }

    /// "urn:flexmig:problem:" and the name of the kind, such as "no-such-job".
    public var type: String
    public var title: String
    /// The HTTP status.
    public var status: Int
    /// What happened, and the way out.
    public var detail: String
    public var fields: [Field]?

    public init(_ kind: Kind, _ detail: String, fields: [Field]? = nil) {
        type = "urn:flexmig:problem:\(kind.name)"
        title = kind.title
        status = kind.status
        self.detail = detail
        self.fields = fields
    }

    public var description: String {
        let list = (fields ?? []).map { "\n  \($0.name): \($0.reason)" }.joined()
        return detail + list
    }

    /// Whether this is a problem of the kind.
    public func isOf(_ kind: Kind) -> Bool { type == "urn:flexmig:problem:\(kind.name)" }

    /// The kinds, each with its HTTP status. A struct, so that new ones break nobody.
    public struct Kind: Hashable, Sendable {
        public let name: String
        public let title: String
        public let status: Int

        public static let badRequest = Kind(name: "bad-request", title: "The request makes no sense", status: 400)
        public static let unauthenticated = Kind(name: "unauthenticated", title: "Who are you?", status: 401)
        public static let forbidden = Kind(name: "forbidden", title: "Not permitted", status: 403)
        public static let notFound = Kind(name: "not-found", title: "No such thing", status: 404)
        public static let conflict = Kind(name: "conflict", title: "The state does not allow it", status: 409)
        public static let tooLarge = Kind(name: "too-large", title: "The request is too large", status: 413)
        /// The job could never run on this node, or asks for what the node can't enforce.
        public static let impossible = Kind(name: "impossible", title: "The job can never run here", status: 422)
        public static let versionMismatch = Kind(
            name: "version-mismatch", title: "Client and daemon speak different versions", status: 426)
        public static let tooMany = Kind(name: "too-many", title: "Too much at once", status: 429)
        public static let internalError = Kind(name: "internal", title: "An internal failure", status: 500)
        /// The store or the driver does not answer now; trying again may help.
        public static let unavailable = Kind(name: "unavailable", title: "Not available now", status: 503)
    }
}
