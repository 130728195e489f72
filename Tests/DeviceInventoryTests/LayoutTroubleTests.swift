import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import Synchronization
import TestSupport
import Testing

/// Flattening when the driver fails, refuses, or somebody else does the same.
struct LayoutTroubleTests {
    /// From doubles to thin are four destructions and seven creations; whichever fails, the next attempt finishes.
    @Test(arguments: 1...11, [false, true])
    func driverThatFails(at change: Int, destroysHalf: Bool) throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("doubles")
        let (progress, answer) = try test.flatten("thin fail=\(change)" + (destroysHalf ? " half" : ""))
        #expect(progress.count == change - 1)
        #expect(answer.hasPrefix("error LayoutInterrupted GPU 0: could not "))
        #expect(answer.contains(": the driver fails at change \(change) / "))
        #expect(answer.hasSuffix(" / The same command again goes on from here."))
        // Nobody holds anything, and what is there is a legal layout.
        #expect(try test.isReleased())
        #expect(GPUModel.a100With40GB.geometry.isValid(try test.layout()))

        let made = try test.layout().specs.filter { $0.profile == 19 }.count
        let left = try test.layout().specs.filter { $0.profile == 15 }.count
        #expect(try test.flatten("thin").answer == "flattened \(left + 7 - made) \(made)")
        #expect(try test.has(.thin))
        #expect(try test.isReleased())
    }

    /// A node's second GPU fails: the first is done, and stays so.
    @Test func failureOnTheSecondGPU() throws {
        let test = try LayoutNode("a100-40gb:2")
        let answer = try test.flatten("doubles fail=6").answer
        #expect(answer.hasPrefix("error LayoutInterrupted GPU 1: could not create 1g.10gb at 2:2: "))
        #expect(answer.contains(" / done before: create 1g.10gb at 0:2 / not done: "))
        #expect(try test.has(.doubles, on: 0))
        #expect(try test.flatten("doubles").answer == "flattened 3 5")
        #expect(try test.has(.doubles, on: 1))
    }

    // MARK: Refusals

    /// All GPUs are looked at before the first is touched.
    @Test func gpuThatCanNotHaveTheLayout() throws {
        let test = try LayoutNode("a100-40gb:1,a30-24gb:1")
        let answer = try test.flatten("doubles").answer
        #expect(answer.hasPrefix("error LayoutRefusal GPU 1: layout \"doubles\" needs a 1g profile with double memory"))
        #expect(try test.leaves(on: 0).isEmpty)
        #expect(try test.flatten("thin").answer == "flattened 11 0")
    }

    @Test func migModeOff() throws {
        let test = try LayoutNode("a100-40gb:2")
        #expect(try test.node.change { state, _ in .init(state.setMIGMode(false, on: 1)) })
        #expect(
            try test.flatten("thin").answer == "error LayoutRefusal MIG mode of GPU 1 is off"
                + " / flexmig never switches it. On this GPU it takes a reset: nothing may use the GPU meanwhile, monitoring "
                + "services included. The mode then stays over reboots. When nothing uses the GPU, run: "
                + "nvidia-smi -i 1 -mig 1")
        #expect(try test.leaves(on: 0).isEmpty)
        #expect(try test.flatten("thin gpu=0").answer == "flattened 7 0")
    }

    @Test func directoryThatMayNotBeWrittenTo() throws {
        let test = try LayoutNode("a100-40gb:1")
        try Files.makeDirectory("\(test.ledger.directory)/layout.lock")
        let answer = try test.flatten("thin").answer
        #expect(answer.hasPrefix("error LedgerError the lease ledger in \(test.ledger.directory) can't be used: "))
        #expect(try test.leaves().isEmpty)
    }

    // MARK: Somebody else between two looks

    private static let model = GPUModel.a100With40GB

    private func wholeThinGPU() throws -> GeometryBackend {
        let thin = try LayoutName.thin.layout(on: Self.model.geometry).get()
        return GeometryBackend(.planned(Self.model, thin), model: Self.model)
    }

    /// A job that takes a leaf after the plan was checked, and before the change has leased what goes.
    @Test func leafThatIsTakenAtTheLastMoment() throws {
        let directory = try TemporaryDirectory()
        let backend = try wholeThinGPU()
        let leaf = try #require(backend.gpu.leaves.last).uuid
        let ledger = try Ledger(stateDirectory: directory.path)
        let job = LeaseRecord(job: JobID(rawValue: "jquick"), user: "anna", command: "x", since: 0, leaves: [leaf])
        let taken = Mutex<LeaseRecord?>(nil)
        backend.whenAsked { taken.withLock { $0 = try? ledger.take(from: [leaf]) { _ in job } } }
        let change = LayoutChange(backend: backend, ledger: ledger)
        let error = try #require(throws: LeavesInUse.self) {
            try change.apply(WantedNode(all: .named(.doubles), source: "doubles"))
        }
        #expect(taken.withLock { $0 } == job)
        #expect(error.uses.map(\.leaf) == [leaf])
        #expect(backend.calls == 0)
    }

    /// What the driver shows afterwards counts, not what it was told.
    @Test func instanceThatDisappears() throws {
        let directory = try TemporaryDirectory()
        let backend = try wholeThinGPU()
        backend.loseInstance()
        let change = LayoutChange(backend: backend, ledger: try Ledger(stateDirectory: directory.path))
        let error = try #require(throws: DeviceError.self) {
            try change.apply(WantedNode(all: .named(.full), source: "full"))
        }
        #expect(error.message.hasPrefix("GPU 0 has 1g.5gb@0:1 1g.5gb@1:1 "))
        #expect(error.message.contains(" after the change instead of "))
        #expect(error.advice == "Somebody else may have changed it at the same time; run the command again.")
    }

    // MARK: Two at once

    @Test func sameLayoutTwice() throws {
        let test = try LayoutNode("a100-40gb:2")
        let clients = try (0..<2).map { _ in try test.client() }
        for client in clients { try client.send("flatten thin") }
        let answers = try clients.map { try test.answer(of: $0).answer }
        #expect(answers.sorted() == ["flattened 0 14", "flattened 14 0"])
        #expect(try test.has(.thin, on: 0) && test.has(.thin, on: 1))
    }

    /// One after the other, each complete: the last one's layout is there in the end.
    @Test func twoLayouts() throws {
        let test = try LayoutNode("a100-40gb:2")
        _ = try test.flatten("thin")
        let clients = try (0..<2).map { _ in try test.client() }
        for (client, name) in zip(clients, ["full", "doubles"]) { try client.send("flatten \(name)") }
        for client in clients { #expect(try test.answer(of: client).answer.hasPrefix("flattened ")) }
        let isFull = try test.has(.full, on: 0) && test.has(.full, on: 1)
        let isDoubles = try test.has(.doubles, on: 0) && test.has(.doubles, on: 1)
        #expect(isFull != isDoubles)
        #expect(try test.isReleased())
    }

    @Test func waitsAndSaysSo() throws {
        let test = try LayoutNode("a100-40gb:1")
        let client = try test.client()
        try FileMutex.withLock(path: "\(test.ledger.directory)/layout.lock", timeout: nil) {
            try client.send("flatten thin")
            #expect(try client.nextLine() == "progress waiting for another layout change on this node")
        }
        #expect(try test.answer(of: client).answer == "flattened 7 0")
    }

    /// A change that is killed half-way leaves its leases behind; the next change says so, and job cleaning frees them.
    @Test func changeThatIsKilled() throws {
        let test = try LayoutNode("a100-40gb:1")
        _ = try test.flatten("thin")
        let leaves = try test.leaves()
        let client = try test.client()
        try test.node.change { _, _ in
            try client.send("flatten doubles")
            let deadline = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < deadline, try test.ledger.state(of: leaves[6]).record == nil {}
            try client.kill()
            return .init(())
        }
        let record = try #require(try test.ledger.state(of: leaves[0]).record)
        #expect(try test.ledger.state(of: leaves[0]) == .orphaned(record))
        #expect(try test.flatten("doubles").answer.contains("left behind by job \(record.job) of "))
        for leaf in try test.ledger.takeOrphans(of: record.job, among: leaves) {
            try test.ledger.release(leaf, as: .launcher, wiping: true)
        }
        #expect(try test.flatten("doubles").answer == "flattened 11 0")
    }
}
