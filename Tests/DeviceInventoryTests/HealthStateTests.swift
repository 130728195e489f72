import DeviceInventory
import MIGModel
import Testing

/// Every observation in every condition of a GPU: what is told, and what is handed out no more.
struct HealthStateTests {
    private static func leaf(_ gpu: Int, _ number: Int, compute: Int = 0) -> Leaf {
        Leaf(
            uuid: MIGDeviceUUID(rawValue: "MIG-\(gpu)-\(number)-\(compute)"), gpu: gpu,
            gpuInstance: GPUInstanceID(rawValue: 7 + number), computeInstance: ComputeInstanceID(rawValue: compute),
            profile: "1g.5gb", leafType: .thin, placement: Placement(start: number, size: 1), memoryMiB: 4864,
            multiprocessors: 14, numaNode: 0)
    }

    private static func gpu(_ index: Int, leaves: [Leaf]? = nil, mode: MIGMode = .on) -> GPU {
        GPU(
            index: index, uuid: GPUUUID(rawValue: "GPU-\(index)"), name: "GPU", model: nil, busID: "0", numaNode: 0,
            memoryMiB: 40960, migMode: mode, geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: []),
            instances: [], leaves: leaves ?? [leaf(index, 0), leaf(index, 1), leaf(index, 1, compute: 1)])
    }

    private static func node(_ gpus: [GPU]) -> NodeInventory {
        NodeInventory(driver: DriverIdentity(library: "none", version: "0", simulatedNode: nil), gpus: gpus)
    }

    private static let whole = node([gpu(0), gpu(1)])
    private static let uuid = GPUUUID(rawValue: "GPU-0")

    /// A watch of two GPUs, the first in a condition.
    private static func state(_ condition: HealthState.Condition) -> HealthState {
        var state = HealthState(whole)
        switch condition {
        case .sound: break
        case .failed: _ = state.handle(.event(DeviceEvent(.xid(95), gpu: 0)))
        case .missing: _ = state.handle(.inventory(node([gpu(1)])))
        }
        return state
    }

    /// What was told in short: kinds, and what was quarantined.
    private static func short(_ actions: [HealthState.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .tell(let notice): "tell \(notice.kind)"
            case .quarantine(let subjects, _):
                "quarantine "
                    + subjects.map { subject in
                        switch subject {
                        case .gpu(let gpu): gpu.rawValue
                        case .leaf(let leaf, _): leaf.rawValue
                        }
                    }.joined(separator: ",")
            case .look: "look"
            }
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let observation: HealthState.Observation
        /// In the conditions sound, failed and missing: what is done, and the condition after it.
        let sound: ([String], HealthState.Condition)
        let failed: ([String], HealthState.Condition)
        let missing: ([String], HealthState.Condition)
        var testDescription: String { name }
    }

    private static func event(_ kind: DeviceEvent.Kind, _ gi: Int? = nil, _ ci: Int? = nil) -> HealthState.Observation {
        .event(
            DeviceEvent(
                kind, gpu: 0, gpuInstance: gi.map(GPUInstanceID.init(rawValue:)),
                computeInstance: ci.map(ComputeInstanceID.init(rawValue:))))
    }

    static let cases: [Case] = {
        let contained = ["tell xid(94)", "quarantine MIG-0-0-0"]
        let whole = ["tell xid(95)", "quarantine GPU-0", "look"]
        return [
            Case(
                name: "contained, instance and compute instance named", observation: event(.xid(94), 8, 1),
                sound: (["tell xid(94)", "quarantine MIG-0-1-1"], .sound),
                failed: (["tell xid(94)", "quarantine MIG-0-1-1"], .failed),
                missing: (["tell xid(94)", "quarantine MIG-0-1-1"], .missing)),
            Case(
                name: "contained, instance named", observation: event(.xid(94), 7), sound: (contained, .sound),
                failed: (contained, .failed), missing: (contained, .missing)),
            Case(
                name: "contained, all leaves of the instance", observation: event(.xid(94), 8),
                sound: (["tell xid(94)", "quarantine MIG-0-1-0,MIG-0-1-1"], .sound),
                failed: (["tell xid(94)", "quarantine MIG-0-1-0,MIG-0-1-1"], .failed),
                missing: (["tell xid(94)", "quarantine MIG-0-1-0,MIG-0-1-1"], .missing)),
            Case(
                name: "contained, of an instance that is gone", observation: event(.xid(94), 12),
                sound: (["tell xid(94)", "look"], .sound), failed: (["tell xid(94)", "look"], .failed),
                missing: (["tell xid(94)", "look"], .missing)),
            Case(
                name: "contained, nobody says where", observation: event(.xid(94)),
                sound: (["tell xid(94)", "quarantine GPU-0", "look"], .failed), failed: (["tell xid(94)"], .failed),
                missing: (["tell xid(94)"], .missing)),
            Case(
                name: "uncontained", observation: event(.xid(95)), sound: (whole, .failed),
                failed: (["tell xid(95)"], .failed), missing: (["tell xid(95)"], .missing)),
            Case(
                name: "uncontained, although an instance is named", observation: event(.xid(95), 7),
                sound: (whole, .failed),
                failed: (["tell xid(95)"], .failed), missing: (["tell xid(95)"], .missing)),
            Case(
                name: "fallen off the bus", observation: event(.xid(79)),
                sound: (["tell xid(79)", "quarantine GPU-0", "look"], .failed), failed: (["tell xid(79)"], .failed),
                missing: (["tell xid(79)"], .missing)),
            Case(
                name: "unavailable", observation: event(.unavailable),
                sound: (["tell unavailable", "quarantine GPU-0", "look"], .failed),
                failed: (["tell unavailable"], .failed), missing: (["tell unavailable"], .missing)),
            Case(
                name: "an application's error", observation: event(.xid(31), 7), sound: (["tell xid(31)"], .sound),
                failed: (["tell xid(31)"], .failed), missing: (["tell xid(31)"], .missing)),
            Case(
                name: "an unknown error", observation: event(.xid(9999)), sound: (["tell xid(9999)"], .sound),
                failed: (["tell xid(9999)"], .failed), missing: (["tell xid(9999)"], .missing)),
            Case(
                name: "a layout change", observation: event(.layoutChange), sound: (["look"], .sound),
                failed: (["look"], .failed), missing: (["look"], .missing)),
            Case(
                name: "the same node", observation: .inventory(Self.whole), sound: ([], .sound), failed: ([], .failed),
                missing: (["tell appeared"], .failed)),
            Case(
                name: "the GPU is gone", observation: .inventory(node([gpu(1)])),
                sound: (["tell disappeared", "quarantine GPU-0"], .missing), failed: (["tell disappeared"], .missing),
                missing: ([], .missing)),
            Case(
                name: "other leaves", observation: .inventory(node([gpu(0, leaves: [leaf(0, 0)]), gpu(1)])),
                sound: (["tell layout"], .sound), failed: (["tell layout"], .failed),
                missing: (["tell appeared", "tell layout"], .failed)),
            Case(
                name: "MIG mode switched off", observation: .inventory(node([gpu(0, leaves: [], mode: .off), gpu(1)])),
                sound: (["tell layout", "tell layout"], .sound), failed: (["tell layout", "tell layout"], .failed),
                missing: (["tell appeared", "tell layout", "tell layout"], .failed)),
            Case(
                name: "unreadable", observation: .unreadable("no driver"), sound: (["tell unreadable"], .sound),
                failed: (["tell unreadable"], .failed), missing: (["tell unreadable"], .missing)),
            Case(
                name: "restored", observation: .restored(uuid), sound: ([], .sound), failed: ([], .sound),
                missing: ([], .missing)),
        ]
    }()

    @Test(arguments: cases) func everyObservationInEveryCondition(example: Case) {
        let table: [(HealthState.Condition, ([String], HealthState.Condition))] = [
            (.sound, example.sound), (.failed, example.failed), (.missing, example.missing),
        ]
        for (condition, expected) in table {
            var state = Self.state(condition)
            #expect(state.conditions[Self.uuid] == condition)
            let actions = Self.short(state.handle(example.observation))
            #expect(actions == expected.0, "\(condition)")
            #expect(state.conditions[Self.uuid] == expected.1, "\(condition)")
            // The other GPU is never touched.
            #expect(state.conditions[GPUUUID(rawValue: "GPU-1")] == .sound)
        }
    }

    /// A contained fault takes its leaf alone, and the notice names it.
    @Test func noticesNameTheLeaf() throws {
        var state = HealthState(Self.whole)
        let actions = state.handle(.event(DeviceEvent(.xid(94), gpu: 1, gpuInstance: 7, computeInstance: 0)))
        guard case .tell(let notice)? = actions.first else { throw NoNotice() }
        #expect(notice.gpu == 1 && notice.leaves.map(\.rawValue) == ["MIG-1-0-0"] && notice.quarantines == .leaves)
        #expect(notice.words == "Xid 94, contained memory error, instance 7.0")
    }
    struct NoNotice: Error {}

    @Test func unreadableIsToldOnceAndItsEndToo() {
        var state = HealthState(Self.whole)
        let seen: [HealthState.Observation] = [
            .unreadable("no driver"), .unreadable("no driver"), .inventory(Self.whole),
        ]
        let told = seen.map { Self.short(state.handle($0)) }
        #expect(told == [["tell unreadable"], [], ["tell other"]])
    }

    @Test func aNewGPUIsToldAndWatched() {
        var state = HealthState(Self.node([Self.gpu(0)]))
        let fault = HealthState.Observation.event(DeviceEvent(.xid(95), gpu: 1))
        let told = [fault, .inventory(Self.whole), fault].map { Self.short(state.handle($0)) }
        #expect(told == [["tell other", "look"], ["tell appeared"], ["tell xid(95)", "quarantine GPU-1", "look"]])
    }
}
