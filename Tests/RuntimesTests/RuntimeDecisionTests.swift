import MIGModel
import NCCLTransport
import Runtimes
import Testing

/// The choice of a route as a table: facts in, route out, and in which words.
struct RuntimeDecisionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let word: String
        let facts: RuntimeFacts
        var choice = RuntimeChoice.auto
        let route: RuntimeRoute?
        /// In the summary, or in the refusal.
        let words: [String]
        var isRefused = false
        var testDescription: String { word }
    }

    static func library(_ version: String?, isCertain: Bool = true) -> NCCLFinding {
        .found(
            NCCLLibrary(
                path: "/venv/libnccl.so.2", version: version.flatMap { NCCLVersion($0) }, how: "the RPATH of torch",
                isCertain: isCertain))
    }

    static func facts(
        _ nccl: NCCLFinding = library("2.29.7"), ranks: Int = 4, isOneHost: Bool = true, capability: Int? = 9,
        driver: String? = "580.65.06", plugin: NCCLPluginFile = .usable("/opt/lib/libnccl-net-flexmig.so"),
        torch: RuntimeFacts.Torch = .init(
            interpreter: "/venv/bin/python", hasTorch: true, packageFolder: "/opt/python", library: "/opt/libflexmig.so"
        ),
        settings: [String: String] = [:], processors: Int = 4, workers: Int? = nil
    ) -> RuntimeFacts {
        RuntimeFacts(
            ranks: ranks, isOneHost: isOneHost,
            gpus: driver.map { _ in
                [.init(name: "GPU 0 (H100)", capability: capability.map { ComputeCapability(major: $0, minor: 0) })]
            },
            driver: driver, nccl: nccl, plugin: plugin, torch: torch,
            settings: settings.mapValues { UserSetting(value: $0) }, processorsPerRank: processors, workers: workers)
    }

    static let missingPlugin = NCCLPluginFile.missing(lookedAt: ["/opt/bin/libnccl-net-flexmig.so"])

    static let rows: [Row] = [
        // Stock NCCL, and each fact that rules it out.
        Row(
            word: "Hopper, 2.31, driver 580", facts: facts(library("2.31.2")), route: .nccl,
            words: ["2.31.2", "itself"]),
        Row(word: "Blackwell, 2.32", facts: facts(library("2.32.3"), capability: 10), route: .nccl, words: []),
        Row(
            word: "Ampere", facts: facts(library("2.31.2"), capability: 8), route: .ncclPlugin,
            words: ["compute capability 8.0"]),
        Row(
            word: "old driver", facts: facts(library("2.31.2"), driver: "570.172.08"), route: .ncclPlugin,
            words: ["570.172.08"]),
        Row(
            word: "NCCL before 2.31", facts: facts(library("2.30.7")), route: .ncclPlugin,
            words: ["2.30.7", "from 2.31 on"]),
        Row(
            word: "unknown capability", facts: facts(library("2.31.2"), capability: nil), route: .ncclPlugin,
            words: ["compute capability"]),
        Row(
            word: "driver not asked", facts: facts(library("2.31.2"), driver: nil), route: .ncclPlugin,
            words: ["not known"]),
        Row(
            word: "switched off by the user",
            facts: facts(library("2.31.2"), settings: ["NCCL_MULTI_RANK_GPU_ENABLE": "0"]), route: .ncclPlugin,
            words: ["NCCL_MULTI_RANK_GPU_ENABLE=0 is set by you"]),
        // The plugin, and each fact that rules it out.
        Row(word: "the first with the plugin", facts: facts(library("2.21.5")), route: .ncclPlugin, words: ["2.21.5"]),
        Row(
            word: "newer than what was seen with the plugin", facts: facts(library("2.33.1"), capability: 8),
            route: .ncclPlugin, words: ["compute capability 8.0", "not sure: NCCL 2.33.1 is newer"]),
        Row(
            word: "before the plugin", facts: facts(library("2.20.5")), route: .ncclSocket,
            words: ["2.20.5", "needs 2.21"]),
        Row(word: "no plugin", facts: facts(plugin: missingPlugin), route: .ncclSocket, words: ["not installed"]),
        Row(
            word: "plugin of another processor",
            facts: facts(plugin: .unusable(path: "/p.so", reason: "it is for aarch64", isChosen: false)),
            route: .ncclSocket, words: ["/p.so", "aarch64"]),
        Row(word: "several hosts", facts: facts(isOneHost: false), route: .ncclSocket, words: ["several hosts"]),
        Row(
            word: "several hosts, 2.31", facts: facts(library("2.31.2"), isOneHost: false), route: .ncclSocket,
            words: ["several hosts"]),
        Row(
            word: "another network of the user's", facts: facts(settings: ["NCCL_NET": "IB"]), route: .ncclSocket,
            words: ["NCCL_NET=IB", "stays"]),
        Row(
            word: "another plugin of the user's", facts: facts(settings: ["NCCL_NET_PLUGIN": "aws-ofi"]),
            route: .ncclSocket, words: ["NCCL_NET_PLUGIN=aws-ofi"]),
        Row(
            word: "our plugin by the user", facts: facts(settings: ["NCCL_NET": "FlexMIG"]), route: .ncclPlugin,
            words: ["NCCL_NET=FlexMIG"]),
        // What is not known.
        Row(
            word: "unknown version", facts: facts(library(nil)), route: .ncclPlugin,
            words: ["unknown version", "as nccl is in doubt: NCCL's version is not known"]),
        Row(word: "no NCCL seen", facts: facts(.none("it is sh")), route: .ncclPlugin, words: []),
        Row(
            word: "no NCCL seen, no plugin", facts: facts(.none("it is sh"), plugin: missingPlugin), route: .ncclSocket,
            words: []),
        Row(
            word: "only by name: its version is no fact", facts: facts(library("2.31.2", isCertain: false)),
            route: .ncclPlugin, words: []),
        // One rank.
        Row(word: "one rank", facts: facts(ranks: 1), route: nil, words: ["needs no route"]),
        Row(word: "one rank, asked", facts: facts(ranks: 1), choice: .ncclPlugin, route: nil, words: []),
        // Asked for.
        Row(
            word: "asked for sockets", facts: facts(library("2.31.2")), choice: .ncclSocket, route: .ncclSocket,
            words: ["as you asked"]),
        Row(
            word: "asked for the plugin", facts: facts(library("2.31.2")), choice: .ncclPlugin, route: .ncclPlugin,
            words: ["as you asked"]),
        Row(
            word: "asked for stock, unknown", facts: facts(.none("sh"), driver: nil), choice: .nccl, route: .nccl,
            words: ["as you asked"]),
        Row(
            word: "asked for the backend", facts: facts(), choice: .flexmig, route: .flexmig,
            words: ["import flexmig.torch"]),
        Row(
            word: "asked for the backend, one rank", facts: facts(ranks: 1), choice: .flexmig, route: .flexmig,
            words: []),
        // Refused.
        Row(
            word: "stock on Ampere", facts: facts(library("2.31.2"), capability: 8), choice: .nccl, route: nil,
            words: ["--runtime nccl is not possible", "compute capability 8.0", "nccl-plugin"], isRefused: true),
        Row(
            word: "the plugin with 2.20", facts: facts(library("2.20.5")), choice: .ncclPlugin, route: nil,
            words: ["needs 2.21", "nccl-socket"], isRefused: true),
        Row(
            word: "the plugin with another network", facts: facts(settings: ["NCCL_NET": "Socket"]),
            choice: .ncclPlugin,
            route: nil, words: ["NCCL_NET=Socket is set by you"], isRefused: true),
        Row(
            word: "the backend without PyTorch",
            facts: facts(torch: .init(interpreter: "/v/python", hasTorch: false, packageFolder: "/opt", library: nil)),
            choice: .flexmig, route: nil, words: ["/v/python has no PyTorch", "pip install torch"], isRefused: true),
        Row(
            word: "the backend without our package",
            facts: facts(torch: .init(interpreter: nil, hasTorch: false, packageFolder: nil, library: nil)),
            choice: .flexmig, route: nil, words: ["package flexmig is not installed"], isRefused: true),
        Row(
            word: "too old for any", facts: facts(library("2.4.8")), route: nil, words: ["no route", "2.5.6"],
            isRefused: true),
        Row(
            word: "a broken library",
            facts: facts(.broken(path: "/x", reason: "it is for aarch64", advice: "Unset it.")),
            route: nil, words: ["/x can't be loaded", "aarch64", "Unset it."], isRefused: true),
        Row(
            word: "a chosen plugin that is none",
            facts: facts(plugin: .unusable(path: "/p.so", reason: "it does not exist", isChosen: true)), route: nil,
            words: ["FLEXMIG_PLUGIN names /p.so", "does not exist"], isRefused: true),
        Row(
            word: "a chosen plugin that is none, with sockets",
            facts: facts(plugin: .unusable(path: "/p.so", reason: "it does not exist", isChosen: true)),
            choice: .ncclSocket, route: .ncclSocket, words: []),
    ]

    @Test(arguments: rows) func route(row: Row) throws {
        do {
            let decision = try RuntimeDecision(row.choice, row.facts, base: [:])
            #expect(!row.isRefused, "\(decision.summary)")
            #expect(decision.route == row.route, "\(decision.summary)")
            for word in row.words { #expect(decision.summary.contains(word), "\(decision.summary)") }
            #expect(!decision.summary.contains("\n"))
        } catch {
            #expect(row.isRefused, "\(error)")
            for word in row.words { #expect(error.description.contains(word), "\(error)") }
        }
    }

    /// Docs and design name these; a change here is a change there.
    @Test func variablesOfStockNCCL() throws {
        let decision = try RuntimeDecision(.auto, Self.facts(Self.library("2.31.2")), base: [:])
        #expect(
            decision.variables == [
                "NCCL_MULTI_RANK_GPU_ENABLE": "1", "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0",
            ])
        #expect(!decision.setsHostIDs)
    }

    @Test func variablesOfThePlugin() throws {
        let decision = try RuntimeDecision(.auto, Self.facts(), base: [:])
        #expect(
            decision.variables == [
                "NCCL_NET_PLUGIN": "/opt/lib/libnccl-net-flexmig.so", "NCCL_NET": "FlexMIG",
                "NCCL_NET_PLUGIN_REF_COUNT": "1", "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0",
                "NCCL_PROTO": "^LL128", "NCCL_COLLNET_ENABLE": "1", "NCCL_COMM_SPLIT_SHARE_RESOURCES": "1",
                "NCCL_ALGO": "allreduce:collnetchain,ring,tree;allgather:ring,pat;reducescatter:ring,pat",
                "NCCL_MIN_NCHANNELS": "8", "NCCL_SOCKET_IFNAME": "lo", "NCCL_WIN_ENABLE": "0", "NCCL_GIN_ENABLE": "0",
            ])
        #expect(decision.setsHostIDs)
        // The list for each function came with 2.24.
        let old = try RuntimeDecision(.auto, Self.facts(Self.library("2.23.4")), base: [:])
        #expect(old.variables["NCCL_ALGO"] == "CollnetChain,Ring,Tree")
    }

    /// With fewer than two threads a rank, NCCL's rings are faster than all-reduces on the processors, and many channels
    /// only cost.
    @Test(
        arguments: [
            (2, nil, false), (3, nil, false), (4, nil, true), (16, nil, true), (16, 1, false), (1, 2, true),
        ] as [(Int, Int?, Bool)])
    func collNetWhereItPays(processors: Int, workers: Int?, pays: Bool) throws {
        let decision = try RuntimeDecision(.auto, Self.facts(processors: processors, workers: workers), base: [:])
        #expect(decision.variables["NCCL_MIN_NCHANNELS"] == (pays ? "8" : "4"))
        for name in ["NCCL_COLLNET_ENABLE", "NCCL_ALGO", "NCCL_COMM_SPLIT_SHARE_RESOURCES"] {
            #expect((decision.variables[name] != nil) == pays, "\(name)")
        }
        #expect(decision.way == (pays ? "nccl-plugin with CollNet" : "nccl-plugin"))
        let why = workers.map { "FLEXMIG_NCCL_WORKERS is \($0)" } ?? "a rank has \(processors) processors"
        #expect(decision.reasoning.contains { $0.contains("CollNet") && $0.contains(why) }, "\(decision.reasoning)")
    }

    /// The plugin itself, with the same numbers, makes as many lanes.
    @Test(arguments: [nil, "0", "1", "2", "7"]) func lanesAreThePlugins(workers: String?) throws {
        let environment = workers.map { ["FLEXMIG_NCCL_WORKERS": $0] } ?? [:]
        for processors in 1...80 {
            let lanes = try TransportSettings(environment: environment).lanes(processors: processors)
            let facts = Self.facts(processors: processors, workers: workers.flatMap { Int($0) })
            #expect(facts.hasLanes == (lanes >= 2), "\(processors) processors")
        }
    }

    /// An NCCL of unknown version, or one that is newer than those that were seen to take the plugin, must be free to go on
    /// without it; one that was asked for must not.
    @Test func unknownVersionsAreNotForced() throws {
        for nccl in [NCCLFinding.none("it is sh"), Self.library("2.33.1")] {
            let facts = Self.facts(nccl, capability: 8)
            #expect(try RuntimeDecision(.auto, facts, base: [:]).variables["NCCL_NET"] == nil)
            #expect(try RuntimeDecision(.ncclPlugin, facts, base: [:]).variables["NCCL_NET"] == "FlexMIG")
        }
        let seen = Self.facts(Self.library("2.32.3"), capability: 8)
        #expect(try RuntimeDecision(.auto, seen, base: [:]).variables["NCCL_NET"] == "FlexMIG")
    }

    @Test func variablesOfSockets() throws {
        let one = try RuntimeDecision(.ncclSocket, Self.facts(), base: [:])
        #expect(
            one.variables == [
                "NCCL_NET": "Socket", "NCCL_SOCKET_IFNAME": "lo", "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0",
                "NCCL_WIN_ENABLE": "0", "NCCL_GIN_ENABLE": "0",
            ])
        // Over several hosts loopback leads nowhere.
        let several = try RuntimeDecision(.ncclSocket, Self.facts(isOneHost: false), base: [:])
        #expect(several.variables["NCCL_SOCKET_IFNAME"] == nil && several.variables["NCCL_NET"] == nil)
        #expect(several.setsHostIDs)
    }

    @Test func variablesOfTheBackend() throws {
        let decision = try RuntimeDecision(
            .flexmig, Self.facts(), base: ["PYTHONPATH": "/mine:/opt/python", "FLEXMIG_LIBRARY": "/mine.so"])
        #expect(decision.variables == ["PYTHONPATH": "/opt/python:/mine"])
        #expect(!decision.setsHostIDs)
    }

    /// What the user has set stays, and is said.
    @Test func theUsersSettingsStay() throws {
        let facts = Self.facts(settings: ["NCCL_PROTO": "Simple", "NCCL_HOSTID": "me", "NCCL_DEBUG": "INFO"])
        let decision = try RuntimeDecision(.auto, facts, base: [:])
        #expect(decision.variables["NCCL_PROTO"] == nil && !decision.setsHostIDs)
        #expect(decision.summary.contains("NCCL_HOSTID=me, NCCL_PROTO=Simple"))
        #expect(!decision.summary.contains("NCCL_DEBUG"))
        #expect(decision.reasoning.contains { $0.contains("duplicates") })
        #expect(decision.reasoning.contains("leaves NCCL_PROTO=Simple, set by you (in the environment)"))
    }

    /// Programs that are not seen to use NCCL are left in peace.
    @Test func silence() throws {
        #expect(try !RuntimeDecision(.auto, Self.facts(.none("sh")), base: [:]).isWorthSaying)
        #expect(try RuntimeDecision(.ncclSocket, Self.facts(.none("sh")), base: [:]).isWorthSaying)
        #expect(try RuntimeDecision(.auto, Self.facts(), base: [:]).isWorthSaying)
    }

    /// Every route has its reasons in the whole reasoning.
    @Test func reasoning() throws {
        let lines = try RuntimeDecision(.auto, Self.facts(), base: [:]).reasoning
        for route in RuntimeRoute.allCases {
            #expect(lines.contains { $0.hasPrefix("route \(route): ") }, "\(lines)")
        }
        #expect(lines.contains("sets NCCL_NET=FlexMIG") && lines.contains { $0.contains("/venv/libnccl.so.2") })
    }
}
