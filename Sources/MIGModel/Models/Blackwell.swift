extension GPUModel {
    /// B200 with 180 GB.
    public static let b200 = GPUModel(
        id: "b200-180gb", name: "NVIDIA B200", pciDeviceIDs: [0x2901],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 10, minor: 0),
        multiprocessors: 148, memoryMiB: 184_320, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfB200),
        minimumDriver: "570.133.20", migModeNeedsReset: false)

    /// Listings of the first four rows, with the first driver for everybody; earlier ones print 22.00 GiB for 1g.23gb. The guide's table
    /// has other engines for 2g.45gb, against the listing. The other rows are concluded from these; their MiB are unknown.
    private static let profilesOfB200: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.23gb", memoryMiB: 20992, multiprocessors: 18, Engines(copy: 2, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.23gb+me", memoryMiB: 20992, multiprocessors: 18, Engines(copy: 2, decoder: 1, jpeg: 1, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.45gb", memoryMiB: 45312, multiprocessors: 30, Engines(copy: 2, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.45gb", memoryMiB: 45312, multiprocessors: 36, Engines(copy: 4, decoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.90gb", memoryMiB: nil, multiprocessors: 70, Engines(copy: 6, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.90gb", memoryMiB: nil, multiprocessors: 72, Engines(copy: 8, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.180gb", memoryMiB: nil, multiprocessors: 148, Engines(copy: 16, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]

    /// The GPU of GB200, with 186 GB.
    public static let gb200 = GPUModel(
        id: "gb200-186gb", name: "NVIDIA GB200", pciDeviceIDs: [0x2941],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 10, minor: 0),
        multiprocessors: 152, memoryMiB: 190_464, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfGb200),
        minimumDriver: "570.133.20", migModeNeedsReset: false)

    /// Listings of the first four rows; an older driver prints 20.00 GiB and the name 1g.24gb. The engines of the others are concluded from
    /// B200; their MiB and SMs are unknown.
    private static let profilesOfGb200: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.23gb", memoryMiB: 22528, multiprocessors: 18, Engines(copy: 2, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.23gb+me", memoryMiB: 22528, multiprocessors: 18, Engines(copy: 2, decoder: 1, jpeg: 1, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.47gb", memoryMiB: 46592, multiprocessors: 32, Engines(copy: 2, decoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.47gb", memoryMiB: 46592, multiprocessors: 38, Engines(copy: 4, decoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.93gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 6, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.93gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 8, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.186gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 16, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]

    /// B300 with 269 GB: only names and counts are known.
    public static let b300 = GPUModel(
        id: "b300-269gb", name: "NVIDIA B300", pciDeviceIDs: [0x3182],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 10, minor: 3),
        multiprocessors: nil, memoryMiB: 275_456, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfB300),
        minimumDriver: "580.82.07", migModeNeedsReset: false)

    /// Names and counts from the configuration of NVIDIA's tools; engines concluded from B200; MiB and SMs unknown.
    private static let profilesOfB300: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.34gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.34gb+me", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.67gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.67gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 4, decoder: 2, jpeg: 2),
            .inferred, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.135gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 6, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.135gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 8, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.269gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 16, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]

    /// The GPU of GB300, with 278 GB: only names, counts and IDs are known.
    public static let gb300 = GPUModel(
        id: "gb300-278gb", name: "NVIDIA GB300", pciDeviceIDs: [0x31C2],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 10, minor: 3),
        multiprocessors: nil, memoryMiB: 284_672, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: profilesOfGb300),
        minimumDriver: "595.58.03", migModeNeedsReset: false)

    /// Names, IDs and counts from the configuration of NVIDIA's tools; engines concluded from B200; MiB and SMs unknown.
    private static let profilesOfGb300: [MIGProfile] = [
        ProfileShape.oneOfEight.profile(
            "1g.35gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithMedia.profile(
            "1g.35gb+me", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfEightWithDoubleMemory.profile(
            "1g.70gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfEight.profile(
            "2g.70gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 4, decoder: 2, jpeg: 2),
            .inferred, placements: .inferred),
        ProfileShape.threeOfEight.profile(
            "3g.139gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 6, decoder: 3, jpeg: 3),
            .inferred, placements: .inferred),
        ProfileShape.fourOfEight.profile(
            "4g.139gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 8, decoder: 4, jpeg: 4),
            .inferred, placements: .inferred),
        ProfileShape.wholeOfEight.profile(
            "7g.278gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 16, decoder: 7, jpeg: 7, ofa: 1),
            .inferred, placements: .inferred),
    ]
}
