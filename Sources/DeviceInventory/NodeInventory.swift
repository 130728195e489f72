import MIGModel

/// Which library answered, so that nobody takes a simulation for hardware.
public struct DriverIdentity: Hashable, Sendable {
    /// The path or loader's name of the NVML library.
    public let library: String
    public let version: String
    /// The directory of the simulated node; nil on hardware.
    public let simulatedNode: String?

    public init(library: String, version: String, simulatedNode: String?) {
        self.library = library
        self.version = version
        self.simulatedNode = simulatedNode
    }

    /// How far a claim reaches that rests on this driver.
    public var grade: String { simulatedNode == nil ? "real driver" : "simulated driver" }
}

/// MIG mode of a GPU.
public enum MIGMode: String, Hashable, Sendable {
    case on, off
    /// Wanted on, but a reset of the GPU is needed first.
    case pendingOn = "off, on after a reset"
    /// Wanted off, but a reset of the GPU is needed first.
    case pendingOff = "on, off after a reset"
    /// The GPU has no MIG.
    case unsupported

    /// Whether instances can be created and used now.
    public var isOn: Bool { self == .on || self == .pendingOff }
}

/// A GPU instance that exists, with the MIG devices in it.
public struct GPUInstance: Hashable, Sendable {
    public let id: GPUInstanceID
    public let spec: MIGSpec
    public let devices: [MIGDevice]

    public init(id: GPUInstanceID, spec: MIGSpec, devices: [MIGDevice]) {
        self.id = id
        self.spec = spec
        self.devices = devices
    }
}

/// A GPU of the node as the driver describes it now.
public struct GPU: Hashable, Sendable {
    public let index: Int
    public let uuid: GPUUUID
    /// The product's name, such as "NVIDIA A100-SXM4-40GB".
    public let name: String
    /// The model's row in this project's tables; nil for a GPU that they do not have.
    public let model: GPUModel.ID?
    /// Such as "00000000:07:00.0".
    public let busID: String
    public let numaNode: Int?
    public let memoryMiB: Int
    public let migMode: MIGMode
    /// What the driver says can be created.
    public let geometry: MIGGeometry
    /// In order of their place.
    public let instances: [GPUInstance]
    public let leaves: [Leaf]
    /// CUDA's compute capability; nil where the driver does not say.
    public let computeCapability: ComputeCapability?
    /// The PCI device ID without the vendor, such as 0x20B0; nil where the driver does not say.
    public let pciDeviceID: UInt16?
    /// N of /dev/nvidiaN and of the driver's tables; nil where the driver does not say.
    public let minorNumber: Int?

    public init(
        index: Int, uuid: GPUUUID, name: String, model: GPUModel.ID?, busID: String, numaNode: Int?,
        memoryMiB: Int, migMode: MIGMode, geometry: MIGGeometry, instances: [GPUInstance], leaves: [Leaf],
        computeCapability: ComputeCapability? = nil, pciDeviceID: UInt16? = nil, minorNumber: Int? = nil
    ) {
        self.index = index
        self.uuid = uuid
        self.name = name
        self.model = model
        self.busID = busID
        self.numaNode = numaNode
        self.memoryMiB = memoryMiB
        self.migMode = migMode
        self.geometry = geometry
        self.instances = instances
        self.leaves = leaves
        self.computeCapability = computeCapability
        self.pciDeviceID = pciDeviceID
        self.minorNumber = minorNumber
    }

    /// The placed profiles of this GPU.
    public var layout: Layout { Layout(instances.map(\.spec)) }

    /// The name of the layout, where it is one of the named ones.
    public var layoutName: LayoutName? {
        LayoutName.allCases.first { name in
            if case .success(let layout) = name.layout(on: geometry) { layout == self.layout } else { false }
        }
    }

    /// Whether every GPU instance is one whole MIG device, as the layouts here make them.
    public var isWhole: Bool { instances.allSatisfy { $0.devices.count == 1 } }
}

/// A node's GPUs at one moment.
public struct NodeInventory: Hashable, Sendable {
    public let driver: DriverIdentity
    public let gpus: [GPU]
    /// Indices of GPUs that have fallen off the bus: nothing else is known of them.
    public let lost: [Int]

    public init(driver: DriverIdentity, gpus: [GPU], lost: [Int] = []) {
        self.driver = driver
        self.gpus = gpus
        self.lost = lost
    }

    /// All leaves, by GPU and place.
    public var leaves: [Leaf] { gpus.flatMap(\.leaves).sorted(by: Leaf.precedes) }
}
