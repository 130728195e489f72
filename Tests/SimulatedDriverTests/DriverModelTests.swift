import MIGModel
import SimulatedDriver
import TestSupport
import Testing

/// Random operations on the driver's state and on the slow driver must answer the same and end the same.
struct DriverModelTests {
    @Test(arguments: ["a100-40gb:2", "a30-24gb:2", "h100-80gb:1,a30-24gb:1"])
    func randomOperationsAgree(spec: String) throws {
        var random = SplitMix(seed: 25_119_143)
        for round in 0..<40 {
            var run = ModelRun(spec: try NodeSpec(parsing: spec), using: &random)
            for step in 0..<60 {
                try run.step(using: &random)
                let mistake = run.difference()
                #expect(mistake == nil, "seed \(random.seed), round \(round), step \(step)")
                if mistake != nil { return }
            }
            // Whatever came of it can be written down and read back.
            #expect(try DriverState(decoding: run.state.encoded()) == run.state)
        }
    }
}

/// A state, the slow driver beside it, and what they disagree about.
private struct ModelRun {
    var state: DriverState
    var slow: [SlowDriver]
    var dead: [UInt64] = [999_999]

    init(spec: NodeSpec, using random: inout SplitMix) {
        state = DriverState(spec: spec, using: &random)
        slow = spec.models.map { SlowDriver(slices: $0.geometry.memorySlices) }
    }

    mutating func step(using random: inout SplitMix) throws {
        let gpu = Int.random(in: slow.indices, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9: try createInstance(on: gpu, using: &random)
        case 9..<12: try destroyInstance(on: gpu, using: &random)
        case 12..<16: try createCompute(on: gpu, using: &random)
        case 16..<19: try destroyCompute(on: gpu, using: &random)
        default:
            let enabled = Bool.random(using: &random)
            let expected = slow[gpu].instances.isEmpty || slow[gpu].isEnabled == enabled
            let isNow = state.setMIGMode(enabled, on: gpu)
            #expect(isNow == expected)
            #expect(state.gpus[gpu].migPending == enabled)
            if expected { slow[gpu].isEnabled = enabled }
        }
    }

    private func refusal<Value>(_ body: () throws(DriverRefusal) -> Value) -> DriverRefusal? {
        do throws(DriverRefusal) {
            _ = try body()
            return nil
        } catch { return error }
    }

    private mutating func createInstance(on gpu: Int, using random: inout SplitMix) throws {
        var id = Int.random(in: 0..<24, using: &random)
        if Bool.random(using: &random) { id = slow[gpu].profiles.randomElement(using: &random)?.id ?? id }
        var place: Placement?
        if Int.random(in: 0..<4, using: &random) > 0 {
            let start = Int.random(in: -1...8, using: &random)
            place = Placement(start: start, size: slow[gpu].profile(id)?.size ?? 1)
            if Int.random(in: 0..<8, using: &random) == 0 { place = Placement(start: start, size: 3) }
        }
        let expected = slow[gpu].refusal(creating: id, at: place)
        let before = state
        var serial: UInt64 = 0
        let seen = refusal { () throws(DriverRefusal) in
            serial = try state.createGPUInstance(profile: id, at: place, on: gpu)
        }
        #expect(seen == expected)
        guard expected == nil else {
            #expect(state == before, "a refusal changes nothing")
            return
        }
        let made = try #require(state.gpus[gpu].instances.first { $0.serial == serial })
        let profile = try #require(slow[gpu].profile(id))
        #expect(slow[gpu].fits(profile, at: made.placement.start))
        #expect(made.placement == place ?? made.placement)
        #expect(made.id == slow[gpu].treeID(start: made.placement.start, size: profile.size))
        slow[gpu].instances[serial] = SlowDriver.Instance(
            profile: profile, start: made.placement.start,
            compute: Array(repeating: nil, count: profile.computeSlices))
    }

    private mutating func destroyInstance(on gpu: Int, using random: inout SplitMix) throws {
        let serial = (Array(slow[gpu].instances.keys).sorted() + dead).randomElement(using: &random) ?? 0
        let expected: DriverRefusal? =
            slow[gpu].instances[serial].map { $0.compute.allSatisfy { $0 == nil } ? nil : .inUse } ?? .invalidArgument
        let seen = refusal { () throws(DriverRefusal) in try state.destroyGPUInstance(serial: serial) }
        #expect(seen == expected)
        if expected == nil {
            slow[gpu].instances[serial] = nil
            dead.append(serial)
        }
    }

    private mutating func createCompute(on gpu: Int, using random: inout SplitMix) throws {
        let serial = (Array(slow[gpu].instances.keys).sorted() + dead.suffix(1)).randomElement(using: &random) ?? 0
        let id = Int.random(in: 0...6, using: &random)
        var expected: DriverRefusal? = .invalidArgument
        var start: Int?
        if let instance = slow[gpu].instances[serial], let slices = SlowDriver.computeSlices[id],
            slices <= instance.compute.count
        {
            start = slow[gpu].computeStart(slices: slices, in: instance)
            expected = start == nil ? .insufficientResources : nil
            let capacity = try state.remainingComputeCapacity(of: id, in: serial)
            #expect((capacity > 0) == (start != nil), "capacity and creation disagree")
        }
        var made: SimulatedComputeInstance?
        let seen = refusal { () throws(DriverRefusal) in
            made = try state.createComputeInstance(profile: id, in: serial, using: &random)
        }
        #expect(seen == expected)
        guard let made, let start else { return }
        #expect(made.start == start)
        #expect(made.slices == SlowDriver.computeSlices[id])
        for slice in start..<start + made.slices { slow[gpu].instances[serial]?.compute[slice] = made.serial }
    }

    private mutating func destroyCompute(on gpu: Int, using random: inout SplitMix) throws {
        let living = Set(slow[gpu].instances.values.flatMap { $0.compute.compactMap(\.self) }).sorted()
        let serial = (living + dead.suffix(2)).randomElement(using: &random) ?? 0
        let expected: DriverRefusal? = living.contains(serial) ? nil : .invalidArgument
        let seen = refusal { () throws(DriverRefusal) in try state.destroyComputeInstance(serial: serial) }
        #expect(seen == expected)
        if expected == nil {
            for (key, instance) in slow[gpu].instances {
                slow[gpu].instances[key]?.compute = instance.compute.map { $0 == serial ? nil : $0 }
            }
            dead.append(serial)
        }
    }

    /// What is wrong with the state, seen from the slow driver.
    func difference() -> String? {
        var serials: Set<UInt64> = []
        for (gpu, slow) in zip(state.gpus, self.slow) {
            guard slow.paint.allSatisfy({ $0 <= 1 }) else { return "two instances on a memory slice" }
            guard Set(gpu.instances.map(\.serial)) == Set(slow.instances.keys) else { return "other instances" }
            guard Set(gpu.instances.map(\.id)).count == gpu.instances.count else { return "an id twice" }
            guard gpu.migEnabled == slow.isEnabled else { return "another mode" }
            for instance in gpu.instances {
                guard let twin = slow.instances[instance.serial] else { return "an instance too many" }
                guard instance.placement == Placement(start: twin.start, size: twin.profile.size),
                    instance.profile == twin.profile.id
                else { return "an instance changed" }
                var compute = [UInt64?](repeating: nil, count: twin.compute.count)
                for child in instance.computeInstances {
                    for slice in child.start..<child.start + child.slices { compute[slice] = child.serial }
                    guard serials.insert(child.serial).inserted else { return "a serial number twice" }
                }
                guard compute == twin.compute else { return "other compute instances" }
                guard serials.insert(instance.serial).inserted else { return "a serial number twice" }
            }
            guard serials.isDisjoint(with: dead) else { return "a dead serial number lives" }
            for profile in slow.profiles {
                let index = state.gpus.firstIndex { $0.uuid == gpu.uuid } ?? 0
                guard (try? state.remainingCapacity(of: profile.id, on: index)) == slow.capacity(of: profile) else {
                    return "another capacity of \(profile.id)"
                }
            }
        }
        return nil
    }
}
