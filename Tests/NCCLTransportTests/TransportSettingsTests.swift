import Collectives
import NCCLTransport
import Testing

struct TransportSettingsTests {
    @Test func withoutVariablesAPeerMayBeSilentForEver() throws {
        let settings = try TransportSettings(environment: [:], processors: 16)
        #expect(settings.operationTimeout == nil && settings.deathTimeout == .seconds(1))
        #expect(settings.namePrefix == "flexmig-nccl-" && !settings.isTelling && !settings.isTracing)
    }

    @Test func variablesOfTheCollectivesCount() throws {
        let settings = try TransportSettings(
            environment: ["FLEXMIG_TIMEOUT": "7", "FLEXMIG_DEATH_TIMEOUT": "0.5", "FLEXMIG_DEBUG": "info"],
            processors: 1)
        #expect(settings.operationTimeout == .seconds(7) && settings.deathTimeout == .seconds(0.5))
        #expect(settings.isTelling && !settings.isTracing)
        #expect(settings.lookEvery == .seconds(0.1))
    }

    /// The launcher's ranks are not NCCL's: a program without some of them is fine.
    @Test func variablesOfTheLauncherAreNotLookedAt() throws {
        let settings = try TransportSettings(
            environment: ["RANK": "x", "OMPI_COMM_WORLD_SIZE": "4", "FLEXMIG_RENDEZVOUS": "flexmig-j1-"], processors: 1)
        #expect(settings.namePrefix == "flexmig-j1-nccl-")
    }

    /// A name must fit into a handle.
    @Test func longPrefixesAreNotUsed() throws {
        let settings = try TransportSettings(
            environment: ["FLEXMIG_RENDEZVOUS": String(repeating: "a", count: 61)], processors: 1)
        #expect(settings.namePrefix == "flexmig-nccl-")
    }

    @Test(arguments: [(1, nil, 0), (2, nil, 0), (16, nil, 2), (64, nil, 4), (16, "7", 0), (16, "1", 4)])
    func workersAreWhatTheProcessorsAllow(processors: Int, ranks: String?, workers: Int) throws {
        let environment = ranks.map { ["FLEXMIG_LOCAL_WORLD_SIZE": $0] } ?? [:]
        #expect(try TransportSettings(environment: environment, processors: processors).workers == workers)
    }

    /// The ranks of a group are known, and a group has one lane at least.
    @Test(arguments: [
        (16, 2, nil, 4), (16, 4, nil, 2), (8, 4, nil, 1), (2, 2, nil, 1), (1, 64, nil, 1), (2, 2, "0", 1),
        (2, 2, "3", 3),
        (2, 2, "64", 8),
    ])
    func lanesAreWhatTheProcessorsAllow(processors: Int, ranks: Int, given: String?, lanes: Int) throws {
        let settings = try TransportSettings(
            environment: given.map { ["FLEXMIG_NCCL_WORKERS": $0] } ?? [:], processors: processors)
        #expect(settings.lanes(ranks: ranks, processors: processors) == lanes)
    }

    @Test(arguments: [
        ("FLEXMIG_NCCL_WORKERS", "65"), ("FLEXMIG_NCCL_PART_BYTES", "5000"), ("FLEXMIG_NCCL_WORKERS", "many"),
        ("FLEXMIG_TIMEOUT", "soon"),
        ("FLEXMIG_DEATH_TIMEOUT", "0"), ("FLEXMIG_DEBUG", "loud"),
    ])
    func badValuesAreNamed(variable: String, value: String) {
        let error = #expect(throws: CollectiveError.self) {
            try TransportSettings(environment: [variable: value], processors: 4)
        }
        #expect(error?.code == .invalidEnvironment)
        #expect(error?.message.contains("\(variable) is \"\(value)\"") == true)
    }
}
