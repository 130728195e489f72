import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// The text of a lease: whole, torn by a crash, or somebody else's.
struct LedgerRecordTests {
    let directory: TemporaryDirectory
    let ledger: Ledger
    let leaf = MIGDeviceUUID(rawValue: "MIG-0")
    let record: LeaseRecord
    private var file: String { "\(ledger.directory)/MIG-0.lease" }

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
        record = LeaseRecord(
            job: JobID(rawValue: "jmine"), user: "änna", command: "./train \"a\nb\" \u{1F600} \\",
            since: 1_800_000_000, leaves: [MIGDeviceUUID(rawValue: "MIG-0"), MIGDeviceUUID(rawValue: "MIG-1")])
    }

    /// Writes the file's text without touching any lock: this test never has it open for locking.
    private func write(_ bytes: some Sequence<UInt8>) throws {
        let file = try Descriptor.open(file, [.writeOnly, .create, .truncate])
        try file.write(bytes)
    }

    /// The text that a ledger writes.
    private func text() throws -> [UInt8] {
        let client = try LineProgram("inventory-client", [directory.path])
        #expect(try client.ask("take jtext MIG-0 MIG-1") == "taken")
        let text = try Files.read(file)
        try client.kill()
        return text
    }

    /// Every word of a record comes back, quotes and line feeds too.
    @Test func isReadAsItWasWritten() throws {
        try ledger.take(from: [leaf]) { _ in record }
        let client = try LineProgram("inventory-client", [directory.path])
        #expect(try client.ask("state MIG-0") == "held jmine")
        #expect(try ledger.state(of: leaf) == .held(record))
    }

    /// A crash while the text was written: nothing had been started yet, so the leaf is free, and can be taken.
    @Test func tornAtEveryPoint() throws {
        let text = try text()
        #expect(text.count > 100)
        #expect(text.last == 0x0a)
        for length in 0..<text.count - 1 {
            try write(text.prefix(length))
            #expect(try ledger.state(of: leaf) == .free, "\(length) of \(text.count) bytes")
        }
        // Without its last line feed it is complete.
        try write(text.dropLast())
        #expect(try ledger.state(of: leaf).record?.job == JobID(rawValue: "jtext"))
    }

    @Test func tornTextIsReplaced() throws {
        try write(try text().prefix(40))
        #expect(try ledger.take(from: [leaf]) { $0[leaf] == .free ? record : nil } == record)
        #expect(try ledger.state(of: leaf) == .held(record))
    }

    /// While somebody holds the lease, a text that can't be read makes it nobody's in particular, never free.
    @Test(arguments: [
        ("nothing", ""), ("half", "{\"job\":\"j"), ("another version", "{\"version\":2}"), ("no record", "hello"),
    ])
    func unreadableTextOfALivingHolder(what: String, text: String) throws {
        let holder = try LineProgram("inventory-client", [directory.path])
        #expect(try holder.ask("take jother MIG-0") == "taken")
        try write(text.utf8)
        #expect(try ledger.state(of: leaf) == .held(nil), "\(what)")
        #expect(try ledger.take(from: [leaf]) { $0[leaf] == .free ? record : nil } == nil)
        try holder.kill()
        #expect(try ledger.state(of: leaf) == .free, "\(what)")
    }

    /// A record of another version of the program says nothing to this one; the driver is asked about processes anyway.
    @Test(arguments: [("newer", "2"), ("older", "0"), ("no number", "\"1\"")])
    func recordOfAnotherVersion(what: String, version: String) throws {
        let text = String(decoding: try text(), as: UTF8.self)
        #expect(text.contains("\"version\":1"))
        try write(text.replacing("\"version\":1", with: "\"version\":\(version)").utf8)
        #expect(try ledger.state(of: leaf) == .free, "\(what)")
    }

    /// A field that a later version may add does no harm.
    @Test func additionalFields() throws {
        let text = String(decoding: try text(), as: UTF8.self)
        try write(text.replacing("{\"command\"", with: "{\"colour\":\"red\",\"command\"").utf8)
        #expect(try ledger.state(of: leaf).record?.job == JobID(rawValue: "jtext"))
    }

    @Test(arguments: [
        ("just now", 0, "0 s"), ("a while", 119, "119 s"), ("minutes", 120, "2 min"), ("many minutes", 7199, "119 min"),
        ("hours", 7200, "2 h"), ("days", 200_000, "55 h"), ("a clock that was set back", -500, "0 s"),
    ])
    func summary(what: String, age: Int, words: String) {
        let record = LeaseRecord(
            job: JobID(rawValue: "j1"), user: "anna", command: "./train", since: 1_800_000_000, leaves: [leaf])
        #expect(record.summary(now: 1_800_000_000 + age) == "job j1 of anna, for \(words): ./train", "\(what)")
    }

    @Test func jobNamesAreNew() {
        let names = (0..<1000).map { _ in JobID.make().rawValue }
        #expect(Set(names).count == 1000)
        #expect(names.allSatisfy { $0.count == 13 && $0.hasPrefix("j") && $0.dropFirst().allSatisfy(\.isHexDigit) })
    }
}
