extension GPUModel {
    /// A100 with 40 GB, SXM and PCIe, and A800 with 40 GB.
    public static let a100With40GB = GPUModel(
        id: "a100-40gb", name: "NVIDIA A100-SXM4-40GB", pciDeviceIDs: [0x20B0, 0x20B1, 0x20F1, 0x20F6],
        architecture: .ampere, computeCapability: ComputeCapability(major: 8, minor: 0),
        multiprocessors: 108,
        memoryMiB: 40960,  // listing; driver R450 prints 40537
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfA100With40GB),
        minimumDriver: "450.80.02", migModeNeedsReset: true)

    /// A100 with 80 GB, SXM and PCIe, and A800 with 80 GB.
    public static let a100With80GB = GPUModel(
        id: "a100-80gb", name: "NVIDIA A100-SXM4-80GB", pciDeviceIDs: [0x20B2, 0x20B5, 0x20F3, 0x20F5],
        architecture: .ampere, computeCapability: ComputeCapability(major: 8, minor: 0),
        multiprocessors: 108,
        memoryMiB: 81920,  // listing, driver 515
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfA100With80GB),
        minimumDriver: "450.80.02", migModeNeedsReset: true)

    /// The guide's table. Older drivers print more for the large profiles (2g 9.75, 3g 19.62, 7g 39.50 GiB).
    private static let profilesOfA100With40GB: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.5gb", memoryMiB: 4864, multiprocessors: 14, Engines(copy: 1), .guide),
        ProfileShape.oneOfEightWithMedia.profile(  // from driver R470 on
            "1g.5gb+me", memoryMiB: 4864, multiprocessors: 14, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1), .guide),
        ProfileShape.oneOfEightWithDoubleMemory.profile(  // from driver R525 on
            "1g.10gb", memoryMiB: 9856, multiprocessors: 14, Engines(copy: 1, decoder: 1), .guide),
        ProfileShape.twoOfEight.profile(
            "2g.10gb", memoryMiB: 9856, multiprocessors: 28, Engines(copy: 2, decoder: 1), .guide),
        ProfileShape.threeOfEight.profile(
            "3g.20gb", memoryMiB: 19968, multiprocessors: 42, Engines(copy: 3, decoder: 2), .guide),
        ProfileShape.fourOfEight.profile(
            "4g.20gb", memoryMiB: 19968, multiprocessors: 56, Engines(copy: 4, decoder: 2), .guide),
        ProfileShape.wholeOfEight.profile(
            "7g.40gb", memoryMiB: 40192, multiprocessors: 98, Engines(copy: 7, decoder: 5, jpeg: 1, ofa: 1), .guide),
    ]

    /// One listing of an A100 80GB PCIe, all rows. Other drivers print 9.62 GiB for 1g and 78.50 to 79.25 GiB for 7g.
    private static let profilesOfA100With80GB: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.10gb", memoryMiB: 9728, multiprocessors: 14, Engines(copy: 1), .listing),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.10gb+me", memoryMiB: 9728, multiprocessors: 14, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1), .listing),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.20gb", memoryMiB: 19968, multiprocessors: 14, Engines(copy: 1, decoder: 1), .listing),
        ProfileShape.twoOfEight.profile(
            "2g.20gb", memoryMiB: 19968, multiprocessors: 28, Engines(copy: 2, decoder: 1), .listing),
        ProfileShape.threeOfEight.profile(
            "3g.40gb", memoryMiB: 40192, multiprocessors: 42, Engines(copy: 3, decoder: 2), .listing),
        ProfileShape.fourOfEight.profile(
            "4g.40gb", memoryMiB: 40192, multiprocessors: 56, Engines(copy: 4, decoder: 2), .listing),
        ProfileShape.wholeOfEight.profile(
            "7g.80gb", memoryMiB: 80640, multiprocessors: 98, Engines(copy: 7, decoder: 5, jpeg: 1, ofa: 1), .listing),
    ]
}
