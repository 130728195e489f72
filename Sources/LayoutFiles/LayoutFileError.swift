import Platform

/// What is wrong with a layout file, and where.
public struct LayoutFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    public let path: String
    /// Line and column of the mistake, counted from 1; nil where the whole file is meant.
    public let place: Place?
    public let reason: String
    /// Why the file can't be read at all; nil when what it says is wrong.
    public let cause: SystemError?
    /// Whether NVIDIA's own tool takes what we refuse: then it only matters to who asks for it.
    var isOursAlone = false

    public struct Place: Hashable, Sendable {
        public let line: Int
        public let column: Int

        public init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    init(path: String, place: Place? = nil, reason: String, cause: SystemError? = nil) {
        self.path = path
        self.place = place
        self.reason = reason
        self.cause = cause
    }

    /// `path:line:column: reason`.
    public var description: String {
        "\(path)\(place.map { ":\($0.line):\($0.column)" } ?? ""): \(reason)"
    }
}

/// A text from a file as it may be shown: in quotes, one line, no control characters, at most 60 characters.
func quoted(_ text: String) -> String {
    let visible = text.unicodeScalars.prefix(61).map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: "?"
        default: String(scalar)
        }
    }
    return "\"\(visible.prefix(60).joined())\(visible.count > 60 ? "..." : "")\""
}
