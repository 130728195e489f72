import DeviceInventory
import MIGModel
import Platform
import TestSupport
import Testing

/// Owners and quarantines: what is said, what holds, and that it stays.
struct LeafStandingTests {
    private let directory: TemporaryDirectory
    private let ledger: Ledger
    private let gpu = GPUUUID(rawValue: "GPU-0")
    private let leaf = MIGDeviceUUID(rawValue: "MIG-0")
    private let other = MIGDeviceUUID(rawValue: "MIG-1")

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try Ledger(stateDirectory: directory.path)
    }

    private var path: String { "\(ledger.directory)/standings.json" }
    private let fault = Quarantine(reason: "Xid 94", since: 7, by: "root")

    private func node(leaves: [MIGDeviceUUID], gpus: Int = 1) -> NodeInventory {
        let geometry = MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: [])
        return NodeInventory(
            driver: DriverIdentity(library: "none", version: "0", simulatedNode: nil),
            gpus: (0..<gpus).map { index in
                GPU(
                    index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), name: "GPU", model: nil, busID: "0",
                    numaNode: 0,
                    memoryMiB: 40960, migMode: .on, geometry: geometry, instances: [],
                    leaves: index > 0
                        ? []
                        : leaves.enumerated().map { number, uuid in
                            Leaf(
                                uuid: uuid, gpu: 0, gpuInstance: GPUInstanceID(rawValue: 7 + number),
                                computeInstance: 0,
                                profile: "1g.5gb", leafType: .thin, placement: Placement(start: number, size: 1),
                                memoryMiB: 4864, multiprocessors: 14, numaNode: 0)
                        })
            })
    }

    @Test func nobodyHasSaidAnything() throws {
        #expect(try ledger.standings().standing(of: leaf, on: gpu) == LeafStanding())
        #expect(LeafStanding().isAvailable && LeafStanding().refusal == nil && LeafStanding().reasonToStay == nil)
        #expect(!Files.exists(path))
    }

    /// What is written is there for another ledger of the directory, as after a restart.
    @Test func whatIsSaidStays() throws {
        try ledger.changeStandings("test") {
            $0.assign(.gpu(gpu), to: .slurm)
            $0.assign(.leaf(leaf, on: gpu), to: .kubernetes)
            $0.quarantine(.leaf(other, on: gpu), fault)
        }
        let again = try Ledger(stateDirectory: directory.path).standings()
        #expect(again.standing(of: leaf, on: gpu) == LeafStanding(owner: .kubernetes))
        #expect(again.standing(of: other, on: gpu) == LeafStanding(owner: .slurm, quarantine: fault))
        #expect(again.standing(of: gpu) == LeafStanding(owner: .slurm))
        #expect(try Files.readText("\(ledger.directory)/standings.log").hasSuffix(" test\n"))
    }

    @Test func aGPUsQuarantineIsThatOfAllItsLeavesAlsoNewOnes() {
        var standings = LeafStandings()
        standings.quarantine(.gpu(gpu), fault)
        #expect(standings.standing(of: MIGDeviceUUID(rawValue: "MIG-new"), on: gpu).quarantine == fault)
        #expect(standings.standing(of: leaf, on: GPUUUID(rawValue: "GPU-1")).quarantine == nil)
        let hadItsOwn = standings.restore(.leaf(leaf, on: gpu))
        #expect(!hadItsOwn)
        #expect(standings.standing(of: leaf, on: gpu).quarantine == fault)
        let endings = [standings.restore(.gpu(gpu)), standings.restore(.gpu(gpu))]
        #expect(endings == [true, false])
        #expect(standings == LeafStandings())
    }

    @Test func theFirstReasonStays() {
        var standings = LeafStandings()
        standings.quarantine(.leaf(leaf, on: gpu), fault)
        standings.quarantine(.leaf(leaf, on: gpu), Quarantine(reason: "later", since: 9, by: "anna"))
        #expect(standings.standing(of: leaf, on: gpu).quarantine == fault)
    }

    /// A re-cut: what was said of the leaf goes, what was said of the GPU stays.
    @Test func whatWasSaidOfALeafGoesWithIt() throws {
        var standings = LeafStandings()
        standings.assign(.gpu(gpu), to: .none)
        standings.assign(.leaf(leaf, on: gpu), to: .slurm)
        standings.quarantine(.leaf(other, on: gpu), fault)
        var cut = standings
        cut.forgetMissing(in: node(leaves: [other]))
        #expect(cut.standing(of: leaf, on: gpu) == LeafStanding(owner: .none))
        #expect(cut.standing(of: other, on: gpu).quarantine == fault)
        // A GPU that can't be seen has not lost its leaves.
        var lost = standings
        lost.forgetMissing(in: node(leaves: [], gpus: 0))
        #expect(lost == standings)
    }

    @Test func anAssignedGPUTakesItsLeavesAlong() {
        var standings = LeafStandings()
        standings.assign(.leaf(leaf, on: gpu), to: .kubernetes)
        standings.quarantine(.leaf(leaf, on: gpu), fault)
        standings.assign(.gpu(gpu), to: .slurm)
        #expect(standings.standing(of: leaf, on: gpu) == LeafStanding(owner: .slurm, quarantine: fault))
    }

    @Test func everyStandingHasItsWords() {
        #expect(LeafStanding(owner: .slurm).refusal == "assigned to slurm")
        #expect(
            LeafStanding(owner: .none).refusal == "assigned to nobody" && LeafStanding(owner: .none).reasonToStay == nil
        )
        #expect(LeafStanding(owner: .kubernetes).reasonToStay?.contains("assign --owner flexmig") == true)
        #expect(LeafStanding(quarantine: fault).refusal == "quarantined: Xid 94")
        #expect(LeafStanding(quarantine: fault).reasonToStay?.contains("node restore") == true)
        #expect(
            Quarantine(reason: "a\nb\u{1b}[2J" + String(repeating: "x", count: 400), since: 0, by: "").reason.count
                == 300)
        #expect(Quarantine(reason: "a\nb", since: 0, by: "").reason == "a?b")
    }

    @Test(arguments: [
        ("", "damaged"), ("{\"version\":1,\"gpus\":{\"GPU", "damaged"), ("{\"version\":1}", "damaged"),
        ("{\"version\":2,\"gpus\":{},\"leaves\":{}}", "format 2, this one reads 1"), ("\u{0}\u{1}", "damaged"),
    ])
    func anUnusableFileHandsNothingOut(text: String, reason: String) throws {
        try Files.replace(path, with: Array(text.utf8))
        let problem = try #require(throws: StandingsProblem.self) { try ledger.standings() }
        #expect(problem.description.contains(reason) && problem.description.contains(path))
        #expect(throws: StandingsProblem.self) { try ledger.changeStandings(nil) { $0.assign(.gpu(gpu), to: .none) } }
        #expect(try Files.readText(path) == text)
    }

    @Test func nothingIsWrittenWhenNothingChangesOrSomethingFails() throws {
        try ledger.changeStandings("nothing") { _ in }
        #expect(!Files.exists(path))
        struct No: Error {}
        #expect(throws: No.self) {
            try ledger.changeStandings("fails") {
                $0.assign(.gpu(gpu), to: .slurm)
                throw No()
            }
        }
        #expect(try ledger.standings() == LeafStandings())
    }

    /// While somebody chooses leaves, nobody assigns them.
    @Test func assigningWaitsForTheChoice() throws {
        let before = try ledger.critical { () -> LeafStandings in
            let inside = try ledger.standings()
            #expect(throws: LedgerError.self) { try ledger.critical(patience: .zero) {} }
            return inside
        }
        #expect(before == LeafStandings())
    }
}
