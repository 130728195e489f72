/// A kind of GPU that can be cut, with the figures that a driver would answer for it.
///
/// Models are for planning without hardware, for simulated drivers and for checking what a driver says.
/// Real hardware differs by board and driver version: what NVML answers wins over every figure here.
public struct GPUModel: Hashable, Sendable, Identifiable {
    /// The short name used in node specs: `a100-40gb`.
    public struct ID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible
    {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { self.init(rawValue: value) }

        public var description: String { rawValue }
    }

    /// Unique among all models.
    public let id: ID

    /// Product name as NVML gives it for the first of ``pciDeviceIDs``: `NVIDIA A100-SXM4-40GB`.
    public let name: String

    /// PCI device IDs of the boards that this model stands for, without the vendor (0x10DE). Never empty; the first is the typical board.
    public let pciDeviceIDs: [UInt16]

    /// What NVML answers for the architecture.
    public let architecture: GPUArchitecture

    /// What NVML and CUDA answer for the compute capability; the same for every instance.
    public let computeCapability: ComputeCapability

    /// Streaming multiprocessors of the whole GPU without MIG; nil where nobody has published them.
    public let multiprocessors: Int?

    /// Memory of the whole GPU in MiB, as `nvidia-smi` prints the total.
    public let memoryMiB: Int

    /// Where ``memoryMiB`` comes from; concluded from the name of the largest profile where no listing was found.
    public let memoryEvidence: Evidence

    /// Slices and profiles of a GPU without disabled parts beyond the product's own.
    public let geometry: MIGGeometry

    /// The first driver version with MIG for this GPU, according to NVIDIA's MIG User Guide: `450.80.02`; nil
    /// where the guide has no row for it.
    public let minimumDriver: String?

    /// Whether switching MIG mode resets the GPU: true up to Ampere, false from Hopper on.
    public let migModeNeedsReset: Bool

    /// A model as given; nothing is checked. It is not added to ``all``.
    public init(
        id: ID, name: String, pciDeviceIDs: [UInt16],
        architecture: GPUArchitecture, computeCapability: ComputeCapability,
        multiprocessors: Int?, memoryMiB: Int, memoryEvidence: Evidence = .listing, geometry: MIGGeometry,
        minimumDriver: String?, migModeNeedsReset: Bool
    ) {
        self.id = id
        self.name = name
        self.pciDeviceIDs = pciDeviceIDs
        self.architecture = architecture
        self.computeCapability = computeCapability
        self.multiprocessors = multiprocessors
        self.memoryMiB = memoryMiB
        self.memoryEvidence = memoryEvidence
        self.geometry = geometry
        self.minimumDriver = minimumDriver
        self.migModeNeedsReset = migModeNeedsReset
    }
}

extension GPUModel {
    /// All models, oldest first.
    public static let all: [GPUModel] = [
        a30, a100With40GB, a100With80GB, h100, h100PCIe, h100With94GB, h100With96GB, h20, gh200With144GB, h200,
        b200, gb200, b300, gb300, rtxPro6000, rtxPro5000, rtxPro4500,
    ]

    /// Returns the model of that ID, such as `a100-40gb`, exactly as written.
    public static func named(_ id: String) -> GPUModel? {
        all.first { $0.id.rawValue == id }
    }

    /// Returns the model that the board of that PCI device ID belongs to.
    ///
    /// The ID is the upper half of NVML's `pciDeviceId`; the lower half is the vendor.
    public static func matching(pciDeviceID: UInt16) -> GPUModel? {
        all.first { $0.pciDeviceIDs.contains(pciDeviceID) }
    }
}
