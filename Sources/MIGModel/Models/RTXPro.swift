extension GPUModel {
    /// RTX PRO 6000 Blackwell, as server, workstation and Max-Q edition. No double-memory profile.
    public static let rtxPro6000 = GPUModel(
        id: "rtx-pro-6000-96gb", name: "NVIDIA RTX PRO 6000 Blackwell Server Edition",
        pciDeviceIDs: [0x2BB5, 0x2BB1, 0x2BB4],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 12, minor: 0),
        multiprocessors: 188, memoryMiB: 98304, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 4, computeSlices: 4, profiles: profilesOfRtxPro6000),
        minimumDriver: "575.51.03", migModeNeedsReset: false)

    /// A listing; another driver prints 23.12 GiB for 1g. Placements are concluded from four slices. `+me.all` takes all media engines, so
    /// its neighbours must be `-me`.
    private static let profilesOfRtxPro6000: [MIGProfile] = [
        ProfileShape.oneOfFour.profile(
            "1g.24gb", memoryMiB: 24192, multiprocessors: 46, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfFourWithMedia.profile(
            "1g.24gb+me", memoryMiB: 24192, multiprocessors: 46,
            Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfFourWithGraphics.profile(
            "1g.24gb+gfx", memoryMiB: 24192, multiprocessors: 46, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfFourWithAllMedia.profile(
            "1g.24gb+me.all", memoryMiB: 24192, multiprocessors: 46,
            Engines(copy: 1, decoder: 4, encoder: 4, jpeg: 4, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.oneOfFourWithoutMedia.profile(
            "1g.24gb-me", memoryMiB: 24192, multiprocessors: 46, Engines(copy: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfFour.profile(
            "2g.48gb", memoryMiB: 48512, multiprocessors: 94, Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.twoOfFourWithGraphics.profile(
            "2g.48gb+gfx", memoryMiB: 48512, multiprocessors: 94, Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2),
            .listing, placements: .inferred),
        ProfileShape.twoOfFourWithAllMedia.profile(
            "2g.48gb+me.all", memoryMiB: 48512, multiprocessors: 94,
            Engines(copy: 2, decoder: 4, encoder: 4, jpeg: 4, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.twoOfFourWithoutMedia.profile(
            "2g.48gb-me", memoryMiB: 48512, multiprocessors: 94, Engines(copy: 2),
            .listing, placements: .inferred),
        ProfileShape.wholeOfFour.profile(
            "4g.96gb", memoryMiB: 97280, multiprocessors: 188,
            Engines(copy: 4, decoder: 4, encoder: 4, jpeg: 4, ofa: 1),
            .listing, placements: .inferred),
        ProfileShape.wholeOfFourWithGraphics.profile(
            "4g.96gb+gfx", memoryMiB: 97280, multiprocessors: 188,
            Engines(copy: 4, decoder: 4, encoder: 4, jpeg: 4, ofa: 1),
            .listing, placements: .inferred),
    ]

    /// RTX PRO 5000 Blackwell with 48 GB, by the current guide: two slices. An older guide had four.
    public static let rtxPro5000 = GPUModel(
        id: "rtx-pro-5000-48gb", name: "NVIDIA RTX PRO 5000 Blackwell", pciDeviceIDs: [0x2BB3],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 12, minor: 0),
        multiprocessors: 110, memoryMiB: 49152, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 2, computeSlices: 2, profiles: profilesOfRtxPro5000),
        minimumDriver: "575.57.08", migModeNeedsReset: false)

    /// Names and counts are the guide's; IDs are those of RTX PRO 6000; engines are concluded from the slices; MiB and SMs unknown.
    private static let profilesOfRtxPro5000: [MIGProfile] = [
        ProfileShape.oneOfFour.halved().profile(
            "1g.24gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithMedia.halved().profile(
            "1g.24gb+me", memoryMiB: nil, multiprocessors: nil,
            Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithGraphics.halved().profile(
            "1g.24gb+gfx", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithAllMedia.halved().profile(
            "1g.24gb+me.all", memoryMiB: nil, multiprocessors: nil,
            Engines(copy: 1, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithoutMedia.halved().profile(
            "1g.24gb-me", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfFour.halved().profile(
            "2g.48gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfFourWithGraphics.halved().profile(
            "2g.48gb+gfx", memoryMiB: nil, multiprocessors: nil,
            Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
    ]

    /// RTX PRO 4500 Blackwell with 32 GB: two slices.
    public static let rtxPro4500 = GPUModel(
        id: "rtx-pro-4500-32gb", name: "NVIDIA RTX PRO 4500 Blackwell", pciDeviceIDs: [0x2C31],
        architecture: .blackwell, computeCapability: ComputeCapability(major: 12, minor: 0),
        multiprocessors: nil, memoryMiB: 32768, memoryEvidence: .inferred,
        geometry: MIGGeometry(memorySlices: 2, computeSlices: 2, profiles: profilesOfRtxPro4500),
        minimumDriver: "575.64", migModeNeedsReset: false)

    /// Names and counts are the guide's; IDs are those of RTX PRO 6000; engines are concluded from the slices; MiB and SMs unknown.
    private static let profilesOfRtxPro4500: [MIGProfile] = [
        ProfileShape.oneOfFour.halved().profile(
            "1g.16gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithGraphics.halved().profile(
            "1g.16gb+gfx", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1, decoder: 1, encoder: 1, jpeg: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithAllMedia.halved().profile(
            "1g.16gb+me.all", memoryMiB: nil, multiprocessors: nil,
            Engines(copy: 1, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.oneOfFourWithoutMedia.halved().profile(
            "1g.16gb-me", memoryMiB: nil, multiprocessors: nil, Engines(copy: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfFour.halved().profile(
            "2g.32gb", memoryMiB: nil, multiprocessors: nil, Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
        ProfileShape.twoOfFourWithGraphics.halved().profile(
            "2g.32gb+gfx", memoryMiB: nil, multiprocessors: nil,
            Engines(copy: 2, decoder: 2, encoder: 2, jpeg: 2, ofa: 1),
            .inferred, placements: .inferred),
    ]
}
