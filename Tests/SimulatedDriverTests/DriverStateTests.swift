import MIGModel
import SimulatedDriver
import TestSupport
import Testing

/// The driver's documented behaviour, one scenario a word.
struct DriverStateTests {
    static func newState(_ spec: String = "a100-40gb:1") throws -> DriverState {
        var random = SplitMix(seed: 1)
        return DriverState(spec: try NodeSpec(parsing: spec), using: &random)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        var spec = "a100-40gb:1"
        /// Profile and place of what is there.
        var there: [(Int, Int, Int)] = []
        let profile: Int
        /// nil leaves the place to the driver.
        var place: (Int, Int)?
        /// Id and place of what comes, or the refusal.
        var result: (id: Int, start: Int, size: Int)?
        var refusal: DriverRefusal?
        var testDescription: String { word }
    }

    static let cases: [Case] = [
        Case(word: "1g at 3", profile: 19, place: (3, 1), result: (10, 3, 1)),
        Case(word: "2g at 4", profile: 14, place: (4, 2), result: (5, 4, 2)),
        Case(word: "fat at 6", there: [(19, 0, 1), (19, 5, 1)], profile: 15, place: (6, 2), result: (6, 6, 2)),
        Case(word: "4g beside 3g", there: [(9, 4, 4)], profile: 5, place: (0, 4), result: (1, 0, 4)),
        Case(word: "7g", profile: 0, place: (0, 8), result: (0, 0, 8)),
        Case(word: "A30 2g at 2", spec: "a30-24gb:1", profile: 5, place: (2, 2), result: (2, 2, 2)),
        Case(word: "A30 1g at 3", spec: "a30-24gb:1", profile: 14, place: (3, 1), result: (6, 3, 1)),
        Case(word: "the driver's choice is the last place", profile: 19, result: (13, 6, 1)),
        Case(word: "the driver's choice beside others", there: [(15, 6, 2)], profile: 14, result: (5, 4, 2)),
        Case(word: "overlap", there: [(19, 1, 1)], profile: 14, place: (0, 2), refusal: .insufficientResources),
        Case(
            word: "the same place again", there: [(19, 1, 1)], profile: 19, place: (1, 1),
            refusal: .insufficientResources),
        Case(word: "1g at 7, where no compute slice is", profile: 19, place: (7, 1), refusal: .insufficientResources),
        Case(word: "2g at an odd slice", profile: 14, place: (1, 2), refusal: .insufficientResources),
        Case(word: "a wrong size", profile: 19, place: (0, 2), refusal: .insufficientResources),
        Case(word: "a second +me", there: [(20, 0, 1)], profile: 20, place: (1, 1), refusal: .insufficientResources),
        Case(
            word: "A30: both kinds of +me", spec: "a30-24gb:1", there: [(21, 0, 1)], profile: 6, place: (2, 2),
            refusal: .insufficientResources),
        Case(
            word: "3g after 1g, 1g, 2g where the driver put them", there: [(19, 6, 1), (19, 4, 1), (14, 2, 2)],
            profile: 9,
            refusal: .insufficientResources),
        Case(word: "a full GPU", there: [(0, 0, 8)], profile: 19, refusal: .insufficientResources),
        Case(
            word: "the enumeration's number for 2g is no profile ID", profile: 1, place: (0, 2),
            refusal: .invalidArgument),
        Case(word: "an A30's profile on an A100", profile: 21, place: (0, 1), refusal: .invalidArgument),
    ]

    @Test(arguments: cases)
    func creating(test: Case) throws {
        var state = try Self.newState(test.spec)
        for (profile, start, size) in test.there {
            _ = try state.createGPUInstance(profile: profile, at: Placement(start: start, size: size), on: 0)
        }
        let place = test.place.map { Placement(start: $0.0, size: $0.1) }
        if let refusal = test.refusal {
            #expect(throws: refusal) { try state.createGPUInstance(profile: test.profile, at: place, on: 0) }
            #expect(state.gpus[0].instances.count == test.there.count)
        } else {
            let serial = try state.createGPUInstance(profile: test.profile, at: place, on: 0)
            let made = try #require(state.gpus[0].instances.last)
            #expect(made.serial == serial)
            let result = try #require(test.result)
            #expect((made.id, made.placement) == (result.id, Placement(start: result.start, size: result.size)))
        }
    }

    /// Creating a 3g takes a 1g profile's capacity from 7 to 3.
    @Test func capacityFollowsOccupation() throws {
        var state = try Self.newState()
        #expect(try state.remainingCapacity(of: 19, on: 0) == 7)
        _ = try state.createGPUInstance(profile: 9, at: Placement(start: 0, size: 4), on: 0)
        #expect(try state.remainingCapacity(of: 19, on: 0) == 3)
        #expect(try state.remainingCapacity(of: 15, on: 0) == 2)
        #expect(try state.remainingCapacity(of: 20, on: 0) == 1)
        #expect(try state.remainingCapacity(of: 0, on: 0) == 0)
        #expect(throws: DriverRefusal.invalidArgument) { try state.remainingCapacity(of: 1, on: 0) }
    }

    @Test func computeInstancesGoBeforeTheirGPUInstance() throws {
        var state = try Self.newState()
        var random = SplitMix(seed: 2)
        let instance = try state.createGPUInstance(profile: 5, at: nil, on: 0)
        let first = try state.createComputeInstance(profile: 0, in: instance, using: &random)
        let second = try state.createComputeInstance(profile: 1, in: instance, using: &random)
        #expect([first.id, first.start, first.slices] == [0, 0, 1])
        #expect([second.id, second.start, second.slices] == [1, 1, 2])
        #expect(throws: DriverRefusal.inUse) { try state.destroyGPUInstance(serial: instance) }
        try state.destroyComputeInstance(serial: first.serial)
        #expect(throws: DriverRefusal.invalidArgument) { try state.destroyComputeInstance(serial: first.serial) }
        let third = try state.createComputeInstance(profile: 0, in: instance, using: &random)
        #expect(third.id == 0, "ids are used again")
        #expect(third.serial != first.serial && third.uuid != first.uuid, "serial numbers and UUIDs are not")
        for compute in [second, third] { try state.destroyComputeInstance(serial: compute.serial) }
        try state.destroyGPUInstance(serial: instance)
        #expect(throws: DriverRefusal.invalidArgument) { try state.destroyGPUInstance(serial: instance) }
    }

    /// Two free slices with a busy one between them are no place for a 2c.
    @Test func computeCapacityKnowsHoles() throws {
        var state = try Self.newState()
        var random = SplitMix(seed: 3)
        let instance = try state.createGPUInstance(profile: 5, at: nil, on: 0)
        let parts = try (0..<4).map { _ in try state.createComputeInstance(profile: 0, in: instance, using: &random) }
        try state.destroyComputeInstance(serial: parts[0].serial)
        try state.destroyComputeInstance(serial: parts[2].serial)
        #expect(try state.remainingComputeCapacity(of: 0, in: instance) == 2)
        #expect(try state.remainingComputeCapacity(of: 1, in: instance) == 0)
        #expect(throws: DriverRefusal.insufficientResources) {
            try state.createComputeInstance(profile: 1, in: instance, using: &random)
        }
    }

    @Test func modeChangesWaitForInstances() throws {
        var state = try Self.newState()
        let instance = try state.createGPUInstance(profile: 19, at: nil, on: 0)
        var isNow = state.setMIGMode(false, on: 0)
        #expect(!isNow)
        #expect(state.gpus[0].migEnabled && !state.gpus[0].migPending)
        try state.destroyGPUInstance(serial: instance)
        isNow = state.setMIGMode(false, on: 0)
        #expect(isNow)
        #expect(throws: DriverRefusal.notSupported) { try state.createGPUInstance(profile: 19, at: nil, on: 0) }
    }

    @Test func aNodeHasWhatItsSpecSays() throws {
        let state = try Self.newState("a30-24gb:1,h200-141gb:3")
        #expect(state.gpus.map(\.model.id) == ["a30-24gb", "h200-141gb", "h200-141gb", "h200-141gb"])
        #expect(state.gpus.map(\.numaNode) == [0, 0, 1, 1])
        #expect(Set(state.gpus.map(\.uuid)).count == 4)
        for gpu in state.gpus {
            #expect(
                gpu.uuid.wholeMatch(of: /GPU-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
        #expect(DriverState.busID(of: 0) == "00000000:07:00.0")
        #expect(DriverState.busID(of: 241) == "00000001:08:00.0")
        #expect(Set((0..<4096).map(DriverState.busID)).count == 4096)
    }
}
