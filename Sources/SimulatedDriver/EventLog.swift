import Platform

/// One line of the driver's log.
public struct Event: Hashable, Sendable {
    /// Such as "context-open".
    public let name: String
    public let fields: [String: String]

    public init(_ name: String, _ fields: [String: String]) {
        self.name = name
        self.fields = fields
    }
}

/// The simulated driver's own account of what happened, one line an event, only ever appended to.
///
/// Tests prove by it what the launcher's ledger merely claims.
public struct EventLog: Sendable {
    public let path: String
    public init(path: String) { self.path = path }

    /// Appends events; the caller holds the driver's lock, so lines are in the order of what happened.
    func append(_ events: [Event]) throws(SystemError) {
        if events.isEmpty { return }
        let now = ContinuousClock.now.nanosecondsSinceBoot
        let text = events.map { event in
            "\(now) \(event.name)"
                + event.fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(oneWord($0.value))" }.joined() + "\n"
        }.joined()
        let file = try Descriptor.open(path, [.writeOnly, .create, .append], permissions: 0o666)
        try file.write(Array(text.utf8))
    }

    /// All events so far with their time in nanoseconds since boot; a line that can't be read is left out.
    public func events() throws(SystemError) -> [(time: UInt64, event: Event)] {
        guard Files.exists(path) else { return [] }
        return try Files.readText(path).split(separator: "\n").compactMap(Self.event)
    }

    /// The event of a line, nil when the line can't be read.
    static func event(_ line: some StringProtocol) -> (time: UInt64, event: Event)? {
        let parts = line.split(separator: " ")
        guard parts.count >= 2, let time = UInt64(parts[0]) else { return nil }
        var fields: [String: String] = [:]
        for part in parts.dropFirst(2) {
            guard let equals = part.firstIndex(of: "=") else { continue }
            fields[String(part[..<equals])] = String(part[part.index(after: equals)...])
        }
        return (time, Event(String(parts[1]), fields))
    }

    /// Bytes so far.
    func size() throws(SystemError) -> Int { Files.exists(path) ? try Files.size(of: path) : 0 }
}

/// A text as one field of a line: white space becomes "_", nothing at all "-".
func oneWord(_ value: String) -> String {
    value.isEmpty ? "-" : String(value.map { $0.isWhitespace ? "_" : $0 })
}

extension ContinuousClock.Instant {
    /// Nanoseconds on the clock that all processes of the machine share.
    var nanosecondsSinceBoot: UInt64 {
        let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: self).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
