extension GPUModel {
    /// H100 NVL and SXM5 with 94 GB, and H800 NVL.
    public static let h100With94GB = GPUModel(
        id: "h100-94gb", name: "NVIDIA H100 NVL", pciDeviceIDs: [0x2321, 0x233A],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 132, memoryMiB: 96256, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfH100With94GB),
        minimumDriver: "525.85.12", migModeNeedsReset: false)

    /// A listing of an H100 NVL. Other drivers print 21.50 GiB for 1g.24gb, 46.12 for 3g.47gb and 92.62 for 7g.94gb.
    private static let profilesOfH100With94GB: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.12gb", memoryMiB: 11008, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.12gb+me", memoryMiB: 11008, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
            .listing),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.24gb", memoryMiB: 22144, multiprocessors: 26, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing),
        ProfileShape.twoOfEight.profile(
            "2g.24gb", memoryMiB: 22144, multiprocessors: 32, Engines(copy: 2, decoder: 2, jpeg: 2),
            .listing),
        ProfileShape.threeOfEight.profile(
            "3g.47gb", memoryMiB: 47488, multiprocessors: 60, Engines(copy: 3, decoder: 3, jpeg: 3),
            .listing),
        ProfileShape.fourOfEight.profile(
            "4g.47gb", memoryMiB: 47488, multiprocessors: 64, Engines(copy: 4, decoder: 4, jpeg: 4),
            .listing),
        ProfileShape.wholeOfEight.profile(
            "7g.94gb", memoryMiB: 95360, multiprocessors: 132, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
            .listing),
    ]

    /// H100 with 96 GB, on GH200 and alone.
    public static let h100With96GB = GPUModel(
        id: "h100-96gb", name: "NVIDIA GH200 480GB", pciDeviceIDs: [0x2342, 0x233D],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 132, memoryMiB: 98304, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfH100With96GB),
        minimumDriver: nil, migModeNeedsReset: false)

    /// Names, counts and engines are the guide's; SMs are those of other parts with 132 SMs; nobody has published the MiB.
    private static let profilesOfH100With96GB: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.12gb", memoryMiB: nil, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.12gb+me", memoryMiB: nil, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.24gb", memoryMiB: nil, multiprocessors: 26, Engines(copy: 1, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.24gb", memoryMiB: nil, multiprocessors: 32, Engines(copy: 2, decoder: 2, jpeg: 2),
            .inferred, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.48gb", memoryMiB: nil, multiprocessors: 60, Engines(copy: 3, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.48gb", memoryMiB: nil, multiprocessors: 64, Engines(copy: 4, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.96gb", memoryMiB: nil, multiprocessors: 132, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]

    /// H20 with 96 GB: less compute than its siblings, SMs per profile unknown.
    public static let h20 = GPUModel(
        id: "h20-96gb", name: "NVIDIA H20", pciDeviceIDs: [0x2329],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 78, memoryMiB: 98304, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfH20),
        minimumDriver: "535.161.07", migModeNeedsReset: false)

    /// Names, counts and engines are the guide's. Nobody has published SMs or MiB.
    private static let profilesOfH20: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.12gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, jpeg: 1),
            .guide, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.12gb+me", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
            .guide, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.24gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, jpeg: 1),
            .guide, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.24gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 2, jpeg: 2),
            .guide, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.48gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 3, decoder: 3, jpeg: 3),
            .guide, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.48gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 4, decoder: 4, jpeg: 4),
            .guide, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.96gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
            .guide, placements: .inferred),
    ]

    /// GH200 with 144 GB of HBM3e.
    public static let gh200With144GB = GPUModel(
        id: "gh200-144gb", name: "NVIDIA GH200 144G HBM3e", pciDeviceIDs: [0x2348],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 132, memoryMiB: 147_456, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfGh200With144GB),
        minimumDriver: nil, migModeNeedsReset: false)

    /// A listing of the first four rows. SMs and engines of the others are those of parts with 132 SMs; their MiB are unknown.
    private static let profilesOfGh200With144GB: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.18gb", memoryMiB: 17920, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.18gb+me", memoryMiB: 17920, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.36gb", memoryMiB: 36096, multiprocessors: 26, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.36gb", memoryMiB: 36096, multiprocessors: 32, Engines(copy: 2, decoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.72gb", memoryMiB: nil, multiprocessors: 60, Engines(copy: 3, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.72gb", memoryMiB: nil, multiprocessors: 64, Engines(copy: 4, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.144gb", memoryMiB: nil, multiprocessors: 132, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]
}
