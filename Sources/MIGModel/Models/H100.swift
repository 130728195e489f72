extension GPUModel {
    /// H100 with 80 GB as SXM5, and H800 SXM.
    public static let h100 = GPUModel(
        id: "h100-80gb", name: "NVIDIA H100 80GB HBM3", pciDeviceIDs: [0x2330, 0x2324],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 132,
        memoryMiB: 81559,  // listing, driver 580
        geometry: MIGGeometry(
            memorySlices: 8, computeSlices: 7,
            profiles: profilesOfH100(one: 16, double: 26, two: 32, three: 60, four: 64, whole: 132)),
        minimumDriver: "525.85.12", migModeNeedsReset: false)

    /// H100 with 80 GB as a PCIe card, and H800 PCIe.
    ///
    /// Same memory and engines as SXM5, fewer SMs; its double-memory 1g has no more SMs than 1g.
    public static let h100PCIe = GPUModel(
        id: "h100-80gb-pcie", name: "NVIDIA H100 PCIe", pciDeviceIDs: [0x2331, 0x2322],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 114,
        memoryMiB: 81559,  // listing
        geometry: MIGGeometry(
            memorySlices: 8, computeSlices: 7,
            profiles: profilesOfH100(one: 14, double: 14, two: 30, three: 46, four: 62, whole: 114)),
        minimumDriver: "525.85.12", migModeNeedsReset: false)

    /// Listings of both boards, which differ in SMs alone.
    private static func profilesOfH100(
        one: Int, double: Int, two: Int, three: Int, four: Int, whole: Int
    ) -> [MIGProfile] {
        [
            ProfileShape.oneOfEight.profile(
                "1g.10gb", memoryMiB: 9984, multiprocessors: one, Engines(copy: 1, decoder: 1, jpeg: 1), .listing),
            ProfileShape.oneOfEightWithMedia.profile(
                "1g.10gb+me", memoryMiB: 9984, multiprocessors: one, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
                .listing),
            ProfileShape.oneOfEightWithDoubleMemory.profile(
                "1g.20gb", memoryMiB: 20096, multiprocessors: double, Engines(copy: 1, decoder: 1, jpeg: 1), .listing),
            ProfileShape.twoOfEight.profile(
                "2g.20gb", memoryMiB: 20096, multiprocessors: two, Engines(copy: 2, decoder: 2, jpeg: 2), .listing),
            ProfileShape.threeOfEight.profile(
                "3g.40gb", memoryMiB: 40448, multiprocessors: three, Engines(copy: 3, decoder: 3, jpeg: 3), .listing),
            ProfileShape.fourOfEight.profile(
                "4g.40gb", memoryMiB: 40448, multiprocessors: four, Engines(copy: 4, decoder: 4, jpeg: 4), .listing),
            ProfileShape.wholeOfEight.profile(
                "7g.80gb", memoryMiB: 81152, multiprocessors: whole, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
                .listing),
        ]
    }
}
