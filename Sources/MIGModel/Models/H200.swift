extension GPUModel {
    /// H200 with 141 GB, SXM and NVL.
    public static let h200 = GPUModel(
        id: "h200-141gb", name: "NVIDIA H200", pciDeviceIDs: [0x2335, 0x233B],
        architecture: .hopper, computeCapability: ComputeCapability(major: 9, minor: 0),
        multiprocessors: 132,
        memoryMiB: 143_771,  // listing, SXM and NVL alike
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfH200),
        minimumDriver: "550.90.07", migModeNeedsReset: false)

    /// A listing of the first six rows. Placements are taken from H100, which has the same IDs and counts.
    ///
    /// The last row: engines from the guide; SMs and 140.00 GiB from a listing quoted in a program's tests, with a driver that
    /// prints 32.50 GiB for 2g.35gb. So that figure may be of another version than the others.
    private static let profilesOfH200: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.18gb", memoryMiB: 16384, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.18gb+me", memoryMiB: 16384, multiprocessors: 16, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.35gb", memoryMiB: 33024, multiprocessors: 26, Engines(copy: 1, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.35gb", memoryMiB: 33024, multiprocessors: 32, Engines(copy: 2, decoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.71gb", memoryMiB: 71168, multiprocessors: 60, Engines(copy: 3, decoder: 3, jpeg: 3),
            .listing, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.71gb", memoryMiB: 71168, multiprocessors: 64, Engines(copy: 4, decoder: 4, jpeg: 4),
            .listing, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.141gb", memoryMiB: 143_360, multiprocessors: 132, Engines(copy: 8, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]
}
