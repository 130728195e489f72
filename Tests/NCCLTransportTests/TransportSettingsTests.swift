import Collectives
import NCCLTransport
import Testing

struct TransportSettingsTests {
    @Test func withoutVariablesAPeerMayBeSilentForEver() throws {
        let settings = try TransportSettings(environment: [:])
        #expect(settings.operationTimeout == nil && settings.deathTimeout == .seconds(1))
        #expect(settings.namePrefix == "flexmig-nccl-" && !settings.isTelling && !settings.isTracing)
    }

    @Test func variablesOfTheCollectivesCount() throws {
        let settings = try TransportSettings(
            environment: ["FLEXMIG_TIMEOUT": "7", "FLEXMIG_DEATH_TIMEOUT": "0.5", "FLEXMIG_DEBUG": "info"])
        #expect(settings.operationTimeout == .seconds(7) && settings.deathTimeout == .seconds(0.5))
        #expect(settings.isTelling && !settings.isTracing)
        #expect(settings.lookEvery == .seconds(0.1))
    }

    /// The launcher's ranks are not NCCL's: a program without some of them is fine.
    @Test func variablesOfTheLauncherAreNotLookedAt() throws {
        let settings = try TransportSettings(
            environment: ["RANK": "x", "OMPI_COMM_WORLD_SIZE": "4", "FLEXMIG_RENDEZVOUS": "flexmig-j1-"])
        #expect(settings.namePrefix == "flexmig-j1-nccl-")
    }

    /// A name must fit into a handle.
    @Test func longPrefixesAreNotUsed() throws {
        let settings = try TransportSettings(
            environment: ["FLEXMIG_RENDEZVOUS": String(repeating: "a", count: 61)])
        #expect(settings.namePrefix == "flexmig-nccl-")
    }

    /// What a rank has beside the others, less NCCL's thread and the program's.
    @Test(arguments: [
        (1, nil, 0, 1), (3, nil, 1, 1), (4, nil, 2, 2), (64, nil, 4, 4), (2, "0", 0, 1), (2, "3", 3, 3),
        (2, "64", 64, 8),
    ])
    func threadsAreWhatTheProcessorsAllow(processors: Int, given: String?, workers: Int, lanes: Int) throws {
        let settings = try TransportSettings(environment: given.map { ["FLEXMIG_NCCL_WORKERS": $0] } ?? [:])
        #expect(settings.workers(processors: processors) == workers)
        #expect(settings.lanes(processors: processors) == lanes)
    }

    @Test func withoutALauncherFourRanksAreExpected() throws {
        #expect(try TransportSettings(environment: [:]).localRanks == 4)
        #expect(try TransportSettings(environment: ["FLEXMIG_LOCAL_WORLD_SIZE": "7"]).localRanks == 7)
    }

    @Test(arguments: [
        ("FLEXMIG_NCCL_WORKERS", "65"), ("FLEXMIG_NCCL_PART_BYTES", "5000"), ("FLEXMIG_NCCL_WORKERS", "many"),
        ("FLEXMIG_TIMEOUT", "soon"),
        ("FLEXMIG_DEATH_TIMEOUT", "0"), ("FLEXMIG_DEBUG", "loud"),
    ])
    func badValuesAreNamed(variable: String, value: String) {
        let error = #expect(throws: CollectiveError.self) {
            try TransportSettings(environment: [variable: value])
        }
        #expect(error?.code == .invalidEnvironment)
        #expect(error?.message.contains("\(variable) is \"\(value)\"") == true)
    }
}
