/// A kind of GPU instance that a GPU offers, such as `1g.5gb`.
///
/// A profile is a row of a table: what an instance gets and where it may lie. It says nothing about instances that exist.
/// The rows of ``GPUModel`` are defaults; names and MiB change between driver versions, and what a driver answers wins.
public struct MIGProfile: Hashable, Sendable, Codable {
    /// The number that NVML's calls take and that `nvidia-smi mig -lgip` prints in its ID column, such as 19.
    ///
    /// It is not the profile's ``MIGProfile/index``.
    public struct ID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByIntegerLiteral,
        CustomStringConvertible
    {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }
        public init(integerLiteral value: Int) { self.init(rawValue: value) }

        public var description: String { "\(rawValue)" }
    }

    /// Name without the word MIG in front: `1g.5gb`, `1g.5gb+me`.
    public var name: String

    /// NVML's profile ID. Unique within one GPU; the same ID means other profiles on other GPUs (14 is 2g on A100, 1g on A30).
    public var id: ID

    /// `NVML_GPU_INSTANCE_PROFILE_*`, the argument of NVML's profile queries, 0 to 0x11 in `nvml.h` 13.3.
    public var index: Int

    /// Compute slices, 1 to 8: the number before the `g`.
    public var computeSlices: Int

    /// Memory slices, 1 to 8: the size of every placement of the profile.
    public var memorySlices: Int

    /// Memory of an instance in MiB, or nil where nobody has published it.
    public var memoryMiB: Int?

    /// Streaming multiprocessors of an instance, or nil where nobody has published them. Not proportional to ``computeSlices``.
    public var multiprocessors: Int?

    /// Engines of an instance.
    public var engines: Engines

    /// All legal placements on an empty GPU, in ascending order.
    public var placements: [Placement]

    /// How many instances of this profile an empty GPU takes, 1 or more.
    public var maximumInstances: Int

    /// NVML's ID of the compute instance profile that spans the whole instance: 1c is 0, 2c 1, 3c 2, 4c 3, 7c 4.
    public var computeInstanceProfile: Int

    /// Where memory, multiprocessors and engines come from: the weakest of their sources.
    public var evidence: Evidence

    /// Where ID, placements and maximum count come from: the weakest of their sources.
    public var placementEvidence: Evidence

    /// A row as given; nothing is checked. `placementEvidence` is `evidence` where it is left out.
    public init(
        name: String, id: ID, index: Int,
        computeSlices: Int, memorySlices: Int,
        memoryMiB: Int?, multiprocessors: Int?, engines: Engines,
        placements: [Placement], maximumInstances: Int, computeInstanceProfile: Int,
        evidence: Evidence, placementEvidence: Evidence? = nil
    ) {
        self.name = name
        self.id = id
        self.index = index
        self.computeSlices = computeSlices
        self.memorySlices = memorySlices
        self.memoryMiB = memoryMiB
        self.multiprocessors = multiprocessors
        self.engines = engines
        self.placements = placements.sorted()
        self.maximumInstances = maximumInstances
        self.computeInstanceProfile = computeInstanceProfile
        self.evidence = evidence
        self.placementEvidence = placementEvidence ?? evidence
    }

    /// Returns NVML's ID of the compute instance profile with that many slices, or nil for a number without one.
    ///
    /// Source: `NVML_COMPUTE_INSTANCE_PROFILE_*` in `nvml.h`; `nvidia-smi mig -lcip` prints the same IDs.
    public static func computeInstanceProfile(computeSlices: Int) -> Int? {
        switch computeSlices {
        case 1: 0
        case 2: 1
        case 3: 2
        case 4: 3
        case 7: 4
        case 8: 5
        case 6: 6
        default: nil
        }
    }
}
