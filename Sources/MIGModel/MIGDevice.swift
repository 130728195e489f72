/// A MIG device that exists: a compute instance within a GPU instance, with the UUID that programs name it by.
///
/// The numbers are valid while the device exists and may be given to another device afterwards.
/// What is wanted is a ``MIGSpec``.
public struct MIGDevice: Hashable, Sendable, Codable {
    /// The GPU instance it lies in.
    public let gpuInstance: GPUInstanceID
    /// The compute instance that it is.
    public let computeInstance: ComputeInstanceID
    /// What `CUDA_VISIBLE_DEVICES` takes.
    public let uuid: MIGDeviceUUID

    /// A device as the driver reported it.
    public init(gpuInstance: GPUInstanceID, computeInstance: ComputeInstanceID, uuid: MIGDeviceUUID) {
        self.gpuInstance = gpuInstance
        self.computeInstance = computeInstance
        self.uuid = uuid
    }
}

/// The driver's number of a GPU instance on its GPU, 0 to 14 on known GPUs.
///
/// It is not the placement: chips with disabled parts number their instances differently. Ask the driver for the placement.
public struct GPUInstanceID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
    public init(integerLiteral value: Int) { self.init(rawValue: value) }

    public var description: String { "\(rawValue)" }
}

/// The driver's number of a compute instance within its GPU instance, 0 to 7.
public struct ComputeInstanceID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
    public init(integerLiteral value: Int) { self.init(rawValue: value) }

    public var description: String { "\(rawValue)" }
}

/// The UUID of a MIG device as the driver writes it: `MIG-` and a UUID since driver R470.
///
/// Kept letter by letter, never taken apart. NVML promises it for the life of the device only.
public struct MIGDeviceUUID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
}

/// The UUID of a whole GPU as the driver writes it, `GPU-` and a UUID. It stays the same over reboots.
public struct GPUUUID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
}
