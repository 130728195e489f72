/// The faults that a simulated driver has now.
public struct FaultTable: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        /// Never used again on this node while any fault is there.
        public let id: Int
        public internal(set) var fault: Fault
    }

    /// In order of their arrival.
    public internal(set) var entries: [Entry] = []

    /// No faults.
    public init() {}

    /// What a call meets.
    package struct Meeting: Hashable, Sendable {
        /// The code to answer instead of doing anything.
        package var code: Int32?
        package var hangMilliseconds = 0
        /// The faults that count this call.
        var counted: [Int] = []
    }

    /// What a call meets: all its hangs, and the first answer.
    func meeting(of call: DriverCall) -> Meeting {
        var meeting = Meeting()
        for entry in entries where entry.fault.concerns(call) {
            switch entry.fault.effect {
            case .hang(let milliseconds): meeting.hangMilliseconds += milliseconds
            case .answer(let code) where meeting.code == nil: meeting.code = code
            case .lost where meeting.code == nil && call.gpu != nil: meeting.code = 15
            case .oldDriver where meeting.code == nil && call.isNewerThanR470: meeting.code = 13
            default: continue
            }
            if entry.fault.remaining != nil { meeting.counted.append(entry.id) }
        }
        return meeting
    }

    mutating func add(_ fault: Fault) -> Entry {
        let entry = Entry(id: (entries.map(\.id).max() ?? 0) + 1, fault: fault)
        entries.append(entry)
        return entry
    }

    /// Counts a call; a fault that has happened as often as it should is gone.
    mutating func count(_ ids: [Int]) {
        for id in ids {
            guard let index = entries.firstIndex(where: { $0.id == id }), let remaining = entries[index].fault.remaining
            else { continue }
            if remaining > 1 { entries[index].fault.remaining = remaining - 1 } else { entries.remove(at: index) }
        }
    }

    // MARK: What lasts

    /// How instances are placed that are created without a place.
    public var placementHabit: PlacementHabit {
        for entry in entries.reversed() {
            if case .placement(let habit) = entry.fault.effect { return habit }
        }
        return .last
    }

    /// The version that the driver pretends to have.
    public var driverVersion: String? {
        for entry in entries.reversed() {
            if case .oldDriver(let version) = entry.fault.effect { return version }
        }
        return nil
    }

    /// Whether structs of this version are refused.
    public func refusesStruct(version: Int) -> Bool {
        entries.contains { $0.fault.effect == .structVersion(version) }
    }

    /// Whether a GPU has fallen off the bus.
    public func isLost(gpu: Int) -> Bool {
        entries.contains { $0.fault.effect == .lost && $0.fault.gpu == gpu }
    }
}

/// The fault file: a line for each fault between a header and a checksum.
extension FaultTable {
    private static let header = "flexmig-simulated-faults 1"

    func encoded() -> [UInt8] {
        let lines = entries.map { entry in
            let (effect, value): (String, String) =
                switch entry.fault.effect {
                case .answer(let code): ("answer", "\(code)")
                case .hang(let milliseconds): ("hang", "\(milliseconds)")
                case .lost: ("lost", "-")
                case .structVersion(let version): ("struct", "\(version)")
                case .oldDriver(let version): ("driver", oneWord(version))
                case .placement(let habit): ("placement", habit.rawValue)
                }
            let numbers = [entry.fault.gpu, entry.fault.instance, entry.fault.remaining]
                .map { $0.map(String.init) ?? "-" }.joined(separator: " ")
            return "\(entry.id) \(effect) \(value) \(entry.fault.calls.rawValue) \(numbers)\n"
        }
        let body = Self.header + "\n" + lines.joined()
        return Array((body + "end \(checksum(Array(body.utf8)))\n").utf8)
    }

    init(decoding bytes: [UInt8]) throws(StateFileProblem) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == Self.header[...] else { throw .notOurs }
        guard lines.count > 2, lines.last == "", let end = lines.dropLast().last, end.hasPrefix("end "),
            end.dropFirst(4) == checksum(Array((lines.dropLast(2).joined(separator: "\n") + "\n").utf8))
        else { throw .incomplete }
        for (index, line) in lines.dropLast(2).enumerated().dropFirst() {
            guard let entry = Self.entry(line) else {
                throw .wrong(line: index + 1, reason: "not a fault: \"\(line)\"")
            }
            entries.append(entry)
        }
    }

    private static func entry(_ line: Substring) -> Entry? {
        let fields = line.split(separator: " ").map(String.init)
        guard fields.count == 7, let id = Int(fields[0]), let calls = Fault.Calls(rawValue: fields[3]) else {
            return nil
        }
        let effect: Fault.Effect? =
            switch fields[1] {
            case "answer": Int32(fields[2]).map { .answer($0) }
            case "hang": Int(fields[2]).map { .hang(milliseconds: $0) }
            case "lost": .lost
            case "struct": Int(fields[2]).map { .structVersion($0) }
            case "driver": .oldDriver(fields[2])
            case "placement": PlacementHabit(rawValue: fields[2]).map { .placement($0) }
            default: nil
            }
        guard let effect else { return nil }
        let numbers = fields[4...].map { Int($0) }
        guard zip(numbers, fields[4...]).allSatisfy({ $0 != nil || $1 == "-" }) else { return nil }
        return Entry(
            id: id,
            fault: Fault(effect, on: calls, gpu: numbers[0], instance: numbers[1], remaining: numbers[2]))
    }
}
