import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Random operations of several processes on one node, judged by the driver's own log alone.
///
/// `FLEXMIG_LAYOUT_OPERATIONS` sets their number (100,000 in `make test-long`), `FLEXMIG_TEST_SEED` the seed.
struct LayoutStormTests {
    private static let operations = Environment.value("FLEXMIG_LAYOUT_OPERATIONS").flatMap { Int($0) } ?? 1500
    /// As many in one node's life: its log is read as a whole.
    private static let round = 1500

    @Test(.timeLimit(.minutes(120))) func nothingInUseIsEverTouched() throws {
        var random = SplitMix(seed: UInt64.random(in: 0...UInt64.max))
        print("layout storm: \(Self.operations) operations, FLEXMIG_TEST_SEED=\(random.seed)")
        var done: [String: Int] = [:]
        while done.values.reduce(0, +) < Self.operations {
            let models = GPUModel.all.shuffled(using: &random).prefix(4).map(\.id.rawValue)
            for (word, count) in try storm(on: models.joined(separator: ","), &random) {
                done[word, default: 0] += count
            }
        }
        print(
            "layout storm: \(done.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))")
        // A storm in which nothing was applied, refused or killed would prove nothing.
        for word in [
            "applied", "apply-in-use", "foreign-created", "foreign-destroyed", "job", "program", "fault", "killed",
        ] {
            #expect(done[word, default: 0] > 0, "no \(word)")
        }
    }

    /// Two processes that live and one that dies again and again, each with a GPU of its own; all share the fourth.
    private func storm(on spec: String, _ random: inout SplitMix) throws -> [String: Int] {
        let fixture = try NodeFixture(spec)
        func start(_ gpu: Int, _ operations: Int, _ words: [String] = []) throws -> LineProgram {
            let seed = UInt64.random(in: 0...UInt64.max, using: &random)
            return try LineProgram(
                "layout-storm", [fixture.path, "\(seed)", "\(operations)", "\(gpu)", "3"] + words,
                environment: fixture.environment.merging(["FLEXMIG_TEST_SEED": "\(seed)"]) { $1 })
        }
        // Who leaves the place to the driver meets one of its habits.
        try fixture.node.inject(Fault(.placement(PlacementHabit.allCases.randomElement(using: &random) ?? .last)))
        var done: [String: Int] = [:]
        let living = try [start(0, Self.round / 3), start(1, Self.round / 3)]
        var left = Self.round / 3
        while left > 0 {
            let mortal = try start(2, left, ["mortal"])
            left -= try drain(mortal, into: &done)
            if try mortal.waitUntilEnd() == .signalled(.kill) { done["killed", default: 0] += 1 }
        }
        for program in living {
            _ = try drain(program, into: &done)
            #expect(try program.waitUntilEnd() == .exited(code: 0))
        }
        try fixture.node.clearFaults()
        let judge = try LogJudge(fixture)
        #expect(judge.violations == [], "\(spec), FLEXMIG_TEST_SEED=\(random.seed)")
        try everythingIsWithinReach(fixture, &random)
        return done
    }

    private func drain(_ program: LineProgram, into done: inout [String: Int]) throws -> Int {
        var count = 0
        while let line = try program.nextLine() {
            if line.isEmpty { continue }
            #expect(!line.hasPrefix("failed"), "\(line)")
            done[line, default: 0] += 1
            count += 1
        }
        // A process that dies before its first operation must not go on for ever.
        return max(count, 1)
    }

    /// Whatever the storm has left behind, an apply leaves it: all GPUs come to thin and to every other named layout.
    private func everythingIsWithinReach(_ fixture: NodeFixture, _ random: inout SplitMix) throws {
        for name in LayoutName.allCases.shuffled(using: &random) {
            for (index, gpu) in try fixture.node.state().gpus.enumerated() {
                guard case .success(let layout) = name.layout(on: gpu.model.geometry) else { continue }
                let client = try LineProgram("inventory-client", [fixture.path], environment: fixture.environment)
                #expect(try client.ask("cleanup") == "cleaned")
                try client.send("flatten \(name.rawValue) gpu=\(index)")
                var answer = try client.nextLine()
                while answer?.hasPrefix("progress ") == true { answer = try client.nextLine() }
                #expect(answer?.hasPrefix("flattened ") == true, "\(answer ?? "nothing")")
                let there = try fixture.node.state().gpus[index].instances
                #expect(
                    Layout(there.map { MIGSpec(profile: .init(rawValue: $0.profile), placement: $0.placement) })
                        == layout)
                #expect(there.allSatisfy { $0.computeInstances.count == 1 })
            }
        }
    }
}

/// The judge itself: a log in which something went wrong, and what it says.
struct LogJudgeTests {
    private static let begin = ["create-gi gpu=0 id=7 place=0:1 profile=19", "create-ci gpu=0 gi=7 id=0 leaf=A"]

    static let logs: [(String, [String], [String])] = [
        (
            "nothing wrong",
            begin + ["context-open leaf=A pid=1", "context-close leaf=A pid=1", "destroy-ci gpu=0 leaf=A"], []
        ),
        (
            "a process", begin + ["context-open leaf=A pid=1", "destroy-ci gpu=0 leaf=A"],
            ["destroy-ci gpu=0 leaf=A: its instance is in use: A"]
        ),
        (
            "a lease", begin + ["note-lease leaf=A", "destroy-ci gpu=0 leaf=A"],
            ["destroy-ci gpu=0 leaf=A: its instance is in use: A"]
        ),
        (
            "a neighbour in the instance",
            begin + ["create-ci gpu=0 gi=7 id=1 leaf=B", "note-lease leaf=B", "destroy-ci gpu=0 leaf=A"],
            ["destroy-ci gpu=0 leaf=A: its instance is in use: B"]
        ),
        (
            "overlap", begin + ["create-gi gpu=0 id=1 place=0:4 profile=9"],
            ["create-gi gpu=0 id=1 place=0:4 profile=9: 19@0:1 and 9@0:4 overlap"]
        ),
        (
            "a full instance", begin + ["destroy-gi gpu=0 id=7"],
            ["destroy-gi gpu=0 id=7: it has leaves, or is not there"]
        ),
        (
            "not as wanted", begin + ["note-applied gpu=0 layout=19@1:1"],
            ["note-applied gpu=0 layout=19@1:1: but the GPU has 19@0:1"]
        ),
        ("leased twice", begin + ["note-lease leaf=A", "note-lease leaf=A"], ["note-lease leaf=A: leased twice"]),
        ("a leaf of nobody", ["note-lease leaf=A"], ["note-lease leaf=A: no such leaf"]),
    ]

    @Test(arguments: logs) func judges(what: String, lines: [String], violations: [String]) {
        let events = lines.map { line in
            let words = line.split(separator: " ").map(String.init)
            let fields = words.dropFirst().map { word in
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts[1])
            }
            return Event(words[0], Dictionary(uniqueKeysWithValues: fields))
        }
        #expect(LogJudge([GPUModel.a100With40GB.geometry], events).violations == violations, "\(what)")
    }
}
