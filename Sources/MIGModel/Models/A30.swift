extension GPUModel {
    /// A30. No double-memory profile, so `thin` is its only named layout.
    public static let a30 = GPUModel(
        id: "a30-24gb", name: "NVIDIA A30", pciDeviceIDs: [0x20B7],
        architecture: .ampere, computeCapability: ComputeCapability(major: 8, minor: 0),
        multiprocessors: 56,
        memoryMiB: 24576,  // listing, driver 535
        geometry: MIGGeometry(memorySlices: 4, computeSlices: 4, profiles: profilesOfA30),
        minimumDriver: "460.73.01", migModeNeedsReset: true)

    /// Listing of driver 535. The guide gives 1g.6gb no decoder; the listing shows one. Other drivers give 4g.24gb 23.50 GiB.
    private static let profilesOfA30: [MIGProfile] = [
        ProfileShape.oneOfFour.profile(
            "1g.6gb", memoryMiB: 5952, multiprocessors: 14, Engines(copy: 1, decoder: 1), .listing),
        ProfileShape.oneOfFourWithMedia.profile(
            "1g.6gb+me", memoryMiB: 5952, multiprocessors: 14, Engines(copy: 1, decoder: 1, jpeg: 1, ofa: 1), .listing),
        ProfileShape.twoOfFour.profile(
            "2g.12gb", memoryMiB: 11968, multiprocessors: 28, Engines(copy: 2, decoder: 2), .listing),
        ProfileShape.twoOfFourWithMedia.profile(  // from driver R525 on
            "2g.12gb+me", memoryMiB: 11968, multiprocessors: 28, Engines(copy: 2, decoder: 2, jpeg: 1, ofa: 1), .listing
        ),
        ProfileShape.wholeOfFour.profile(
            "4g.24gb", memoryMiB: 24000, multiprocessors: 56, Engines(copy: 4, decoder: 4, jpeg: 1, ofa: 1), .listing),
    ]
}
