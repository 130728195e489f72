import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// A node's directory: making it, sharing it, and everything that may be wrong with it.
struct SimulatedNodeTests {
    let directory: TemporaryDirectory
    let spec: NodeSpec

    init() throws {
        directory = try TemporaryDirectory()
        spec = try NodeSpec(parsing: "a100-40gb:2")
    }

    // MARK: Making

    @Test(arguments: [
        ("new", "node"), ("within missing directories", "a/b/node"), ("a slash at the end", "node/"),
        ("slashes at the end", "a/node///"), ("by way of", "./node"), ("already there and empty", "empty"),
        ("there, with a slash", "empty/"), ("a link to an empty directory", "link"),
    ])
    func isMadeIn(word: String, name: String) throws {
        try Files.makeDirectory(directory.path("empty"))
        try makeLink(directory.path("link"), to: directory.path("empty"))
        let node = try SimulatedNode.open(directory.path(name), creating: spec)
        #expect(try node.state().spec == spec, "\(word)")
        #expect(try Files.absolute(directory.path(name)) == node.directory)
        #expect(try SimulatedNode(opening: directory.path(name)).state() == node.state())
        #expect(
            try SimulatedNode.open(directory.path(name), creating: spec).state() == node.state(), "opened, not made")
        #expect(try Files.names(in: node.directory) == ["driver.state"])
        let parent = String(node.directory[..<(node.directory.lastIndex(of: "/") ?? node.directory.startIndex)])
        #expect(try Files.names(in: parent).allSatisfy { !$0.hasSuffix(".new") }, "nothing is left beside it")
    }

    @Test func isMadeOnceByMany() async throws {
        let path = directory.path("node")
        let uuids = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                group.addTask { [spec] in try SimulatedNode.open(path, creating: spec).state().gpus.map(\.uuid) }
            }
            return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
        }
        #expect(uuids.count == 1)
        #expect(try Files.names(in: directory.path) == ["node"])
    }

    @Test func anotherSpecIsRefused() throws {
        _ = try SimulatedNode.create(spec, in: directory.path("node"))
        let other = try NodeSpec(parsing: "h100-80gb:1")
        let error = try #require(throws: SimulatedNodeError.self) {
            try SimulatedNode.open(directory.path("node"), creating: other)
        }
        #expect(
            error.description.hasPrefix(
                "the simulated node in \(directory.path("node")) is a100-40gb:2, not h100-80gb:1\n"))
        #expect(throws: SimulatedNodeError.self) { try SimulatedNode.create(other, in: directory.path("node")) }
    }

    // MARK: Bad directories

    struct Bad: Sendable, CustomTestStringConvertible {
        let word: String
        /// Content of driver.state; nil for no such file.
        var state: String?
        var isDirectory = true
        var hasOtherFile = false
        let message: String
        /// Whether the node may be made there.
        var canBeMade = false
        var testDescription: String { word }
    }

    static let bad: [Bad] = [
        Bad(word: "missing", isDirectory: false, message: "there is no simulated node in", canBeMade: true),
        Bad(word: "empty", message: "there is no simulated node in", canBeMade: true),
        Bad(word: "somebody else's", hasOtherFile: true, message: "it was not made by flexmig"),
        Bad(word: "a file", isDirectory: false, hasOtherFile: true, message: "Not a directory"),
        Bad(word: "an empty state", state: "", message: "it is half written"),
        Bad(
            word: "half a state", state: "flexmig-simulated-node 1\nspec a100-40gb:2\ndri",
            message: "it is half written"),
        Bad(
            word: "another version", state: "flexmig-simulated-node 99\nend 0\n",
            message: "another version of flexmig (format 99"),
        Bad(word: "another program's state", state: "{\"gpus\": 2}\n", message: "it was not made by flexmig"),
        Bad(
            word: "damaged", state: "flexmig-simulated-node 1\nspec a100-40gb:2\nend 0\n",
            message: "its checksum is wrong"),
    ]

    @Test(arguments: bad)
    func badDirectoriesAreExplained(test: Bad) throws {
        let path = directory.path("node")
        if test.isDirectory { try Files.makeDirectory(path) }
        if let state = test.state { try Files.replace("\(path)/driver.state", with: Array(state.utf8)) }
        if test.hasOtherFile { try Files.replace(test.isDirectory ? "\(path)/letter.txt" : path, with: [1]) }
        let error = try #require(throws: SimulatedNodeError.self) { try SimulatedNode(opening: path) }
        #expect(error.description.contains(test.message), "it says: \(error)")
        #expect(error.description.contains(path))
        if test.canBeMade {
            #expect(try SimulatedNode.open(path, creating: spec).state().gpus.count == 2)
        } else {
            let second = try #require(throws: SimulatedNodeError.self) { try SimulatedNode.open(path, creating: spec) }
            #expect(second.description.contains(test.message), "it says: \(second)")
            #expect(
                Files.exists(test.isDirectory ? "\(path)/\(test.hasOtherFile ? "letter.txt" : "driver.state")" : path))
        }
    }

    @Test func aStateThatIsADirectoryIsExplained() throws {
        try Files.makeDirectories(directory.path("node/driver.state"))
        let error = try #require(throws: SimulatedNodeError.self) { try SimulatedNode(opening: directory.path("node")) }
        #expect(error.description.contains("Is a directory"))
    }

    /// Damage while the node is in use: reading and changing fail, nothing is overwritten.
    @Test func damageInUseIsNotRepaired() throws {
        let fixture = try NodeFixture()
        try Files.replace("\(fixture.path)/driver.state", with: Array("flexmig-simulated-node 1\nspe".utf8))
        #expect(throws: SimulatedNodeError.self) { try fixture.node.state() }
        #expect(throws: SimulatedNodeError.self) { try fixture.makeLeaf(at: 0) }
        #expect(try Files.readText("\(fixture.path)/driver.state") == "flexmig-simulated-node 1\nspe")
        try Files.remove("\(fixture.path)/driver.state")
        #expect(throws: SimulatedNodeError.self) { try fixture.node.state() }
    }

    /// Who may only read sees states and processes, and can change neither. In a process of its own, which gives up
    /// what it may; a user who is not root takes the right from the directory.
    @Test func readingIsEnoughForLooking() async throws {
        let fixture = try NodeFixture()
        let leaf = try fixture.makeLeaf(at: 0)
        let context = try SimulatedContext(on: leaf.uuid, of: fixture.node)
        let own = ProcessID.current.rawValue
        try setWritable(false, fixture.path)
        await #expect(processExitsWith: .success) {
            [path = fixture.path as String, uuid = leaf.uuid as String, own = own as CInt] in
            giveUpRoot()
            let node = try SimulatedNode(opening: path)
            let found = try #require(try node.state().computeInstance(uuid: uuid)).compute
            #expect(try node.processes(on: found).map(\.process.rawValue) == [own])
            let error = #expect(throws: SystemError.self) { try SimulatedContext(on: uuid, of: node) }
            #expect(error?.isPermission == true, "\(String(describing: error))")
            #expect(error?.subject == "\(path)/driver.lock")
        }
        try setWritable(true, fixture.path)
        #expect(try fixture.node.processes(on: leaf).count == 1)
        context.close()
    }

    // MARK: Changing

    @Test func aFailedChangeChangesNothing() throws {
        let fixture = try NodeFixture()
        let before = try fixture.node.state()
        #expect(throws: DriverRefusal.invalidArgument) {
            try fixture.node.change { state, _ in
                _ = try state.createGPUInstance(profile: 19, at: nil, on: 0)
                _ = try state.createGPUInstance(profile: 99, at: nil, on: 0)
                return .init((), events: [Event("never", [:])])
            }
        }
        #expect(try fixture.node.state() == before)
        #expect(try fixture.events().isEmpty)
    }

    /// A second view of the node sees every change at once, however fast they follow each other.
    @Test func noViewIsStale() throws {
        let fixture = try NodeFixture()
        let view = try SimulatedNode(opening: fixture.path)
        for turn in 0..<200 {
            let leaf = try fixture.makeLeaf(at: turn % 7)
            #expect(try view.state() == fixture.node.state())
            try fixture.node.change { state, _ in
                try state.destroyComputeInstance(serial: leaf.serial)
                let serial = state.gpus[0].instances.first?.serial ?? 0
                return .init(try state.destroyGPUInstance(serial: serial))
            }
            // One more of the same size, with no look in between: the file may get its predecessor's number again.
            try fixture.node.change { state, _ in .init(_ = state.setMIGMode(turn % 2 == 0, on: 0)) }
            try fixture.node.change { state, _ in .init(_ = state.setMIGMode(true, on: 0)) }
            #expect(try view.state() == fixture.node.state())
        }
    }

    /// Two other processes and two threads of this one, each on a GPU of its own, hundreds of changes at once: every
    /// change is in the state and in the log, and the log's times never go back.
    @Test func nothingIsLostBetweenProcesses() async throws {
        let fixture = try NodeFixture("a100-40gb:4")
        async let first: Void = churnElsewhere(fixture.path, gpu: 0)
        async let second: Void = churnElsewhere(fixture.path, gpu: 1)
        try await withThrowingTaskGroup { group in
            for gpu in 2..<4 { group.addTask { try churn(fixture.node, gpu: gpu) } }
            try await group.waitForAll()
        }
        await first
        await second
        let state = try fixture.node.state()
        for gpu in state.gpus { #expect(gpu.instances.map(\.placement.start).sorted() == Array(0..<7)) }
        let serials = state.gpus.flatMap { $0.instances.map(\.serial) }
        #expect(Set(serials).count == 28)
        let log = try fixture.node.log.events()
        for gpu in 0..<4 {
            let turns = log.filter { $0.event.fields["gpu"] == "\(gpu)" }.compactMap { $0.event.fields["turn"] }
            #expect(turns == (0..<100).map { "\($0)" })
        }
        #expect(log.map(\.time) == log.map(\.time).sorted())
        #expect(try Files.names(in: fixture.path).allSatisfy { !$0.hasSuffix(".new") })
    }
}

/// `churn` in another process.
private func churnElsewhere(_ path: String, gpu: Int) async {
    await #expect(processExitsWith: .success) { [path, gpu] in
        try churn(try SimulatedNode(opening: path), gpu: gpu)
    }
}

/// A hundred changes of a GPU, the last of which leave seven instances.
private func churn(_ node: SimulatedNode, gpu: Int) throws {
    for turn in 0..<100 {
        try node.change { state, _ in
            if turn >= 93 {
                _ = try state.createGPUInstance(profile: 19, at: Placement(start: turn - 93, size: 1), on: gpu)
            } else if let instance = state.gpus[gpu].instances.first {
                try state.destroyGPUInstance(serial: instance.serial)
            } else if turn < 92 {
                _ = try state.createGPUInstance(profile: 0, at: nil, on: gpu)
            }
            return .init((), events: [Event("turn", ["gpu": "\(gpu)", "turn": "\(turn)"])])
        }
    }
}
