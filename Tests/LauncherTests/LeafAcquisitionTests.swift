import DeviceInventory
import Launcher
import LeafScheduling
import MIGModel
import Platform
import TestSupport
import Testing

/// Leaves for a job, or the reason why not, on a node where others hold some.
struct LeafAcquisitionTests {
    let directory: TemporaryDirectory
    let ledger: Ledger
    let backend = FixedBackend(thin: 4, fat: 2)

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
    }

    @discardableResult
    private func take(_ count: Int, _ kind: LeafRequest.Kind = .any, memory: Int? = nil) throws -> [String] {
        let request = LeafRequest(count: count, kind: kind, minimumMemoryMiB: memory)
        return try LeafAcquisition(backend: backend, ledger: ledger).take(request) { leaves in
            LeaseRecord(
                job: JobID(rawValue: "jmine"), user: "anna", command: "./train", since: secondsSince1970(),
                leaves: leaves.map(\.uuid))
        }.map(\.uuid.rawValue)
    }

    private func shortage(_ count: Int, _ kind: LeafRequest.Kind = .any, memory: Int? = nil) throws -> LeafShortage {
        try #require(throws: LeafShortage.self) { try take(count, kind, memory: memory) }
    }

    private func states() throws -> [LeaseState] { try backend.uuids.map { try ledger.state(of: $0) } }

    @Test func takesWhatWasAskedFor() throws {
        #expect(try take(2, .fat) == ["MIG-1-0", "MIG-1-1"])
        #expect(try take(3, .thin) == ["MIG-0-0", "MIG-0-1", "MIG-0-2"])
        #expect(try states().count { $0 == .free } == 1)
    }

    /// All or none: after a refusal nothing is held.
    @Test func takesNothingWhenThereIsNotEnough() throws {
        let other = try LineProgram("inventory-client", [directory.path])
        #expect(try other.ask("take jother MIG-0-1 MIG-0-3") == "taken")
        let shortage = try shortage(3, .thin)
        #expect(shortage.free == 2)
        #expect(shortage.canPass)
        #expect(try states().count { $0 == .free } == 4)
        #expect(
            shortage.description.replacing(#/for \d s/#, with: "for N s") == """
                not enough leaves: the job asks for 3, and 2 of 4 suitable ones are free
                  2 leaves: job jother of anna, for N s: ./train
                Wait for them with --wait, or ask for at most 2.
                """)
    }

    /// A leaf that somebody uses without asking is not handed out.
    @Test func passesByProcessesWithoutLease() throws {
        backend.run(ProcessID(rawValue: 4711), on: backend.uuids[0])
        #expect(try take(3, .thin) == ["MIG-0-1", "MIG-0-2", "MIG-0-3"])
        #expect(
            try shortage(1, .thin).description.split(separator: "\n").map(String.init) == [
                "not enough leaves: the job asks for 1, and 0 of 4 suitable ones are free",
                "  3 leaves: job jmine of anna, for 0 s: ./train",
                "  1 leaf: process 4711, which has no lease",
                "Wait for them with --wait.",
            ])
    }

    /// The leases of a dead job are not free before somebody has cleaned up after it.
    @Test func passesByOrphans() throws {
        let other = try LineProgram("inventory-client", [directory.path])
        #expect(try other.ask("take jdead MIG-0-0") == "taken")
        try other.kill()
        #expect(try take(3, .thin) == ["MIG-0-1", "MIG-0-2", "MIG-0-3"])
        #expect(try shortage(1, .thin).description.contains("  1 leaf: left behind by job jdead of anna, for "))
    }

    @Test func whatNoWaitingHelps() throws {
        let tooMany = try shortage(7)
        #expect(!tooMany.canPass)
        #expect(
            tooMany.description == """
                the job asks for 7 leaves, but this node has 6
                Ask for at most 6.
                """)
        #expect(
            try shortage(3, .fat).description == """
                the job asks for 3 leaves, but this node has 6, 2 of which would do
                Ask for at most 2.
                """)
        #expect(
            try shortage(1, memory: 20_000).description == """
                the job asks for 1 leaf, but this node has 6, 0 of which would do
                Ask for another kind of leaf (--leaf-type, --leaf-memory).
                """)
    }

    @Test func nodeWithoutLeaves() throws {
        let acquisition = LeafAcquisition(backend: FixedBackend(thin: 0), ledger: ledger)
        let shortage = try #require(throws: LeafShortage.self) {
            try acquisition.take(LeafRequest(count: 1)) { _ in
                LeaseRecord(job: .make(), user: "anna", command: "x", since: 0, leaves: [])
            }
        }
        #expect(
            shortage.description == """
                this node has no leaves
                Make some with: flexmig node flatten --layout thin
                """)
    }
}
