import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// Processes that want the same leaves at the same time.
struct LedgerRaceTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Files.makeDirectory(directory.path("marks"))
    }

    private func client() throws -> LineProgram { try LineProgram("inventory-client", [directory.path]) }

    /// Each process proves by files that only one can make that nobody shares its leaves.
    @Test(arguments: [("single leaves", 1, 2), ("gangs that fit one at a time", 3, 4), ("the whole node", 2, 2)])
    func leavesAreNeverShared(what: String, gang: Int, count: Int) throws {
        let leaves = (0..<count).map { "MIG-\($0)" }.joined(separator: " ")
        let clients = try (0..<3).map { _ in try client() }
        for client in clients { #expect(try client.ask("open") == "done") }
        for client in clients { try client.send("race 200 \(gang) \(directory.path("marks")) \(leaves)") }
        for client in clients {
            #expect(try client.nextLine() == "raced 0", "\(what)")
        }
        let ledger = try Ledger(stateDirectory: directory.path)
        for number in 0..<count { #expect(try ledger.state(of: MIGDeviceUUID(rawValue: "MIG-\(number)")) == .free) }
    }

    /// A lease that comes and goes is free or held, and not an orphan's to somebody who looks without waiting: text and
    /// locks can't be read at once.
    @Test func lookersSeeNoOrphans() throws {
        let leaf = MIGDeviceUUID(rawValue: "MIG-0")
        let ledger = try Ledger(stateDirectory: directory.path)
        let client = try client()
        #expect(try client.ask("churn MIG-0") == "churning")
        var seen: (free: Int, held: Int, orphaned: Int) = (0, 0, 0)
        for _ in 0..<20_000 {
            switch try ledger.state(of: leaf) {
            case .free: seen.free += 1
            case .held: seen.held += 1
            case .orphaned: seen.orphaned += 1
            }
        }
        #expect(try client.ask("stop") == "churned")
        #expect(seen.orphaned == 0)
        // Both were there to be confused.
        #expect(seen.free > 0)
        #expect(seen.held > 0)
    }
}
