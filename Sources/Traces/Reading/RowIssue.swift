/// What is to be said of a row of a trace: why it can't be used, or what was made of it.
public enum RowIssue: UInt8, Hashable, Sendable, Codable, CaseIterable {
    // Not used.
    case wrongFieldCount
    case emptyField
    case notANumber
    case notADate
    case notFinite
    case negative
    case tooLarge
    case noGPU
    case severalFractions
    case neverStarted
    case noDuration
    case endsBeforeStart
    case duplicateID
    case unclosedQuote
    // Used.
    case outOfOrder
    case stillRunning

    /// Whether rows with this issue are left out.
    public var isRefusal: Bool { self != .outOfOrder && self != .stillRunning }

    /// For tables.
    public var words: String {
        switch self {
        case .wrongFieldCount: "more or fewer fields than the header"
        case .emptyField: "a field that is needed is empty"
        case .notANumber: "not a number"
        case .notADate: "not a date such as 2020-04-01 00:07:06, or a date among seconds"
        case .notFinite: "not a finite number"
        case .negative: "negative, or a date before 1970"
        case .tooLarge: "absurdly large: a time beyond 300 years or more than 1,000,000 GPUs"
        case .noGPU: "asks for no GPU"
        case .severalFractions: "asks for fractions of several GPUs"
        case .neverStarted: "never started"
        case .noDuration: "ran for no time at all"
        case .endsBeforeStart: "ends before it starts"
        case .duplicateID: "an id that an earlier row has"
        case .unclosedQuote: "a quote that is not closed on its line"
        case .outOfOrder: "arrives before a row above it (sorted)"
        case .stillRunning: "still running at the trace's end (its duration is what was seen of it)"
        }
    }
}

/// How many rows a reader met, and how many with each issue.
public struct RowCounts: Hashable, Sendable {
    /// One issue's rows.
    public struct Tally: Hashable, Sendable {
        public var rows = 0
        /// The first of them: 1 is the header's line.
        public var firstLine = 0
        /// The first one's column, where the issue is one column's.
        public var firstColumn: String?
    }

    /// Rows with anything in them, the header not among them.
    public var rows = 0
    public private(set) var tallies: [RowIssue: Tally] = [:]

    /// Rows that are no jobs.
    public var refused: Int { tallies.reduce(0) { $0 + ($1.key.isRefusal ? $1.value.rows : 0) } }

    public init() {}

    mutating func add(_ issue: RowIssue, line: Int, column: String? = nil) {
        tallies[issue, default: Tally(rows: 0, firstLine: line, firstColumn: column)].rows += 1
    }
}
