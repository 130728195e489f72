import MIGModel
import SimulatedDriver

/// What a handle of this library stands for. Handles are numbers in a pointer's clothes, never dereferenced, so
/// that a stale or made-up one is recognised instead of crashing the caller.
enum Handle: Equatable {
    case gpu(Int)
    case gpuInstance(serial: UInt64)
    case computeInstance(serial: UInt64)
    case migDevice(serial: UInt64)
    case eventSet(UInt64)
    case sample(UInt64)

    private static let mark: UInt = 0x5f << 52

    var pointer: OpaquePointer? {
        let (kind, number): (UInt, UInt) =
            switch self {
            case .gpu(let index): (1, UInt(index))
            case .gpuInstance(let serial): (2, UInt(serial))
            case .computeInstance(let serial): (3, UInt(serial))
            case .migDevice(let serial): (4, UInt(serial))
            case .eventSet(let number): (5, UInt(number))
            case .sample(let number): (6, UInt(number))
            }
        return unsafe OpaquePointer(bitPattern: Self.mark | kind << 48 | number)
    }

    init?(_ pointer: OpaquePointer?) {
        let bits = UInt(bitPattern: pointer)
        guard bits & (0xfff << 52) == Self.mark else { return nil }
        let number = bits & ((1 << 48) - 1)
        switch bits >> 48 & 0xf {
        case 1: self = .gpu(Int(number))
        case 2: self = .gpuInstance(serial: UInt64(number))
        case 3: self = .computeInstance(serial: UInt64(number))
        case 4: self = .migDevice(serial: UInt64(number))
        case 5: self = .eventSet(UInt64(number))
        case 6: self = .sample(UInt64(number))
        default: return nil
        }
    }
}

/// A device handle, looked up: a GPU or a MIG device on one.
enum Device {
    case gpu(Int)
    case mig(gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance)

    /// - Throws: INVALID_ARGUMENT for anything that is not a living device.
    init(_ pointer: OpaquePointer?, in state: DriverState) throws(Refusal) {
        switch unsafe Handle(pointer) {
        case .gpu(let index) where state.gpus.indices.contains(index): self = .gpu(index)
        case .migDevice(let serial):
            guard let found = state.computeInstance(serial: serial) else { throw Refusal(Code.invalidArgument) }
            self = .mig(gpu: found.gpu, instance: found.instance, compute: found.compute)
        default: throw Refusal(Code.invalidArgument)
        }
    }

    /// The GPU itself, or the one that the MIG device is on.
    var gpu: Int {
        switch self {
        case .gpu(let index): index
        case .mig(let gpu, _, _): gpu
        }
    }

    /// - Throws: INVALID_ARGUMENT when the handle is a MIG device's.
    static func gpu(_ pointer: OpaquePointer?, in state: DriverState) throws(Refusal) -> Int {
        guard case .gpu(let index) = unsafe try Device(pointer, in: state) else { throw Refusal(Code.invalidArgument) }
        return index
    }
}

/// A GPU instance handle, looked up.
func gpuInstance(
    _ pointer: OpaquePointer?, in state: DriverState
) throws(Refusal) -> (gpu: Int, instance: SimulatedGPUInstance) {
    guard case .gpuInstance(let serial) = unsafe Handle(pointer), let found = state.gpuInstance(serial: serial) else {
        throw Refusal(Code.invalidArgument)
    }
    return (found.gpu, state.gpus[found.gpu].instances[found.position])
}

/// A compute instance handle, looked up.
func computeInstance(
    _ pointer: OpaquePointer?, in state: DriverState
) throws(Refusal) -> (gpu: Int, instance: SimulatedGPUInstance, compute: SimulatedComputeInstance) {
    guard case .computeInstance(let serial) = unsafe Handle(pointer), let found = state.computeInstance(serial: serial)
    else {
        throw Refusal(Code.invalidArgument)
    }
    return found
}
