import MIGModel
import Testing

/// The tables of the GPU models: do they agree with NVML's numbers, with each other and with the naming rule?
struct ModelTableTests {
    @Test func modelsAreFoundByIDAndBoard() {
        #expect(
            GPUModel.all.map(\.id) == [
                "a30-24gb", "a100-40gb", "a100-80gb", "h100-80gb", "h100-80gb-pcie", "h100-94gb", "h100-96gb",
                "h20-96gb",
                "gh200-144gb", "h200-141gb", "b200-180gb", "gb200-186gb", "b300-269gb", "gb300-278gb",
                "rtx-pro-6000-96gb", "rtx-pro-5000-48gb", "rtx-pro-4500-32gb",
            ])
        for model in GPUModel.all {
            #expect(GPUModel.named(model.id.rawValue) == model)
            #expect(!model.pciDeviceIDs.isEmpty)
            for board in model.pciDeviceIDs { #expect(GPUModel.matching(pciDeviceID: board) == model) }
        }
        #expect(GPUModel.named("A100-40GB") == nil)
        #expect(GPUModel.named("") == nil)
        #expect(GPUModel.matching(pciDeviceID: 0x1234) == nil)
    }

    @Test(
        arguments: [
            ("a30-24gb", 0x20B7, "NVIDIA A30", 7, "8.0", 56, 24576, "460.73.01", true),
            ("a100-40gb", 0x20B0, "NVIDIA A100-SXM4-40GB", 7, "8.0", 108, 40960, "450.80.02", true),
            ("a100-80gb", 0x20B2, "NVIDIA A100-SXM4-80GB", 7, "8.0", 108, 81920, "450.80.02", true),
            ("h100-80gb", 0x2330, "NVIDIA H100 80GB HBM3", 9, "9.0", 132, 81559, "525.85.12", false),
            ("h100-80gb-pcie", 0x2331, "NVIDIA H100 PCIe", 9, "9.0", 114, 81559, "525.85.12", false),
            ("h100-94gb", 0x2321, "NVIDIA H100 NVL", 9, "9.0", 132, 96256, "525.85.12", false),
            ("h100-96gb", 0x2342, "NVIDIA GH200 480GB", 9, "9.0", 132, 98304, nil, false),
            ("h20-96gb", 0x2329, "NVIDIA H20", 9, "9.0", 78, 98304, "535.161.07", false),
            ("gh200-144gb", 0x2348, "NVIDIA GH200 144G HBM3e", 9, "9.0", 132, 147_456, nil, false),
            ("h200-141gb", 0x2335, "NVIDIA H200", 9, "9.0", 132, 143_771, "550.90.07", false),
            ("b200-180gb", 0x2901, "NVIDIA B200", 10, "10.0", 148, 184_320, "570.133.20", false),
            ("gb200-186gb", 0x2941, "NVIDIA GB200", 10, "10.0", 152, 190_464, "570.133.20", false),
            ("b300-269gb", 0x3182, "NVIDIA B300", 10, "10.3", nil, 275_456, "580.82.07", false),
            ("gb300-278gb", 0x31C2, "NVIDIA GB300", 10, "10.3", nil, 284_672, "595.58.03", false),
            (
                "rtx-pro-6000-96gb", 0x2BB5, "NVIDIA RTX PRO 6000 Blackwell Server Edition", 10, "12.0", 188, 98304,
                "575.51.03", false
            ),
            (
                "rtx-pro-5000-48gb", 0x2BB3, "NVIDIA RTX PRO 5000 Blackwell", 10, "12.0", 110, 49152, "575.57.08", false
            ),
            ("rtx-pro-4500-32gb", 0x2C31, "NVIDIA RTX PRO 4500 Blackwell", 10, "12.0", nil, 32768, "575.64", false),
        ] as [(String, UInt16, String, Int, String, Int?, Int, String?, Bool)])
    func wholeGPU(
        id: String, board: UInt16, name: String, architecture: Int, capability: String,
        multiprocessors: Int?, memoryMiB: Int, driver: String?, reset: Bool
    ) throws {
        let model = try #require(GPUModel.named(id))
        #expect(model.pciDeviceIDs.first == board)
        #expect(model.name == name)
        #expect(model.architecture.rawValue == architecture)
        #expect(model.computeCapability.description == capability)
        #expect(model.multiprocessors == multiprocessors)
        #expect(model.memoryMiB == memoryMiB)
        #expect(model.minimumDriver == driver)
        #expect(model.migModeNeedsReset == reset)
    }

    /// NVML's two numberings side by side: meaning, profile ID, index, compute instance profile.
    @Test(arguments: GPUModel.all)
    func profileIDsAndIndices(model: GPUModel) {
        let eight: [(String, MIGProfile.ID, Int, Int)] = [
            ("1g", 19, 0x0, 0), ("1g+me", 20, 0x7, 0), ("1g double", 15, 0x9, 0),
            ("2g", 14, 0x1, 1), ("3g", 9, 0x2, 2), ("4g", 5, 0x3, 3), ("7g", 0, 0x4, 4),
        ]
        let four: [(String, MIGProfile.ID, Int, Int)] = [
            ("1g", 14, 0x0, 0), ("1g+me", 21, 0x7, 0), ("2g", 5, 0x1, 1), ("2g+me", 6, 0x8, 1), ("4g", 0, 0x3, 3),
        ]
        let graphics: [(String, MIGProfile.ID, Int, Int)] = [
            ("1g", 14, 0x0, 0), ("1g+me", 21, 0x7, 0), ("1g+gfx", 47, 0xA, 0), ("1g+me.all", 65, 0xF, 0),
            ("1g-me", 67, 0xD, 0), ("2g", 5, 0x1, 1), ("2g+gfx", 35, 0xB, 1), ("2g+me.all", 64, 0x10, 1),
            ("2g-me", 66, 0xE, 1), ("4g", 0, 0x3, 3), ("4g+gfx", 32, 0xC, 3),
        ]
        let profiles = model.geometry.profiles
        let expected =
            switch model.id {
            case "a30-24gb": four
            case "rtx-pro-6000-96gb": graphics
            case "rtx-pro-5000-48gb": Array(graphics[...6])
            case "rtx-pro-4500-32gb": graphics[...6].filter { $0.0 != "1g+me" }
            default: eight
            }
        #expect(profiles.count == expected.count)
        for (profile, row) in zip(profiles, expected) {
            #expect(profile.id == row.1, "\(row.0)")
            #expect(profile.index == row.2, "\(row.0)")
            #expect(profile.computeInstanceProfile == row.3, "\(row.0)")
            #expect(MIGProfile.computeInstanceProfile(computeSlices: profile.computeSlices) == row.3, "\(row.0)")
            let attributes = row.0.hasSuffix("double") ? "" : String(row.0.dropFirst(2))
            #expect(profile.name.hasPrefix("\(row.0.prefix(2))."))
            #expect(String(profile.attributes) == attributes)
            #expect(MIGProfile.attributes(index: profile.index) == String(profile.attributes))
            #expect(model.geometry.profile(id: profile.id) == profile)
            #expect(model.geometry.profile(named: profile.name) == profile)
        }
    }

    /// The placement lines that `nvidia-smi mig -lgipp` prints.
    @Test(arguments: [
        ("a100-40gb", 19, "0:1 1:1 2:1 3:1 4:1 5:1 6:1", 7), ("a100-40gb", 20, "0:1 1:1 2:1 3:1 4:1 5:1 6:1", 1),
        ("a100-40gb", 15, "0:2 2:2 4:2 6:2", 4), ("a100-40gb", 14, "0:2 2:2 4:2", 3),
        ("a100-40gb", 9, "0:4 4:4", 2), ("a100-40gb", 5, "0:4", 1), ("a100-40gb", 0, "0:8", 1),
        ("a30-24gb", 14, "0:1 1:1 2:1 3:1", 4), ("a30-24gb", 21, "0:1 1:1 2:1 3:1", 1),
        ("a30-24gb", 5, "0:2 2:2", 2), ("a30-24gb", 6, "0:2 2:2", 1), ("a30-24gb", 0, "0:4", 1),
    ])
    func placements(model: String, id: Int, placements: String, maximum: Int) throws {
        let profile = try #require(GPUModel.named(model)?.geometry.profile(id: MIGProfile.ID(rawValue: id)))
        #expect(profile.placements.map(\.description).joined(separator: " ") == placements)
        #expect(profile.maximumInstances == maximum)
    }

    /// What every table must satisfy, whatever its figures.
    @Test(arguments: GPUModel.all)
    func figuresAreSane(model: GPUModel) throws {
        let geometry = model.geometry
        #expect(Set(geometry.profiles.map(\.id)).count == geometry.profiles.count)
        #expect(Set(geometry.profiles.map(\.name)).count == geometry.profiles.count)
        for profile in geometry.profiles {
            #expect(
                profile.placements.allSatisfy { $0.size == profile.memorySlices && $0.end <= geometry.memorySlices })
            #expect(profile.placements.count >= profile.maximumInstances)
            #expect(profile.computeSlices <= geometry.computeSlices)
            #expect(profile.engines.encoder == 0 || model.id.rawValue.hasPrefix("rtx-pro-"))
            #expect(profile.engines.copy >= profile.computeSlices)
            #expect(profile.evidence != .driver && profile.placementEvidence != .driver)
            if let memory = profile.memoryMiB {
                #expect(memory * geometry.memorySlices <= model.memoryMiB * profile.memorySlices)
            }
            if let whole = model.multiprocessors, let part = profile.multiprocessors { #expect(part <= whole) }
        }
    }

    /// Every name follows NVIDIA's naming rule, without exception. Only on H200 are the GB rounded: an eighth of 141 is 17.6.
    @Test(arguments: GPUModel.all)
    func namesFollowTheFormula(model: GPUModel) {
        for profile in model.geometry.profiles {
            guard let memory = profile.memoryMiB else { continue }
            let name = MIGProfile.conventionalName(
                computeSlices: profile.computeSlices, memoryMiB: memory,
                gpuMemoryMiB: model.memoryMiB, attributes: String(profile.attributes))
            #expect(name == profile.name)
        }
    }

    @Test(arguments: [
        ("nothing", 0, 40960), ("more than the GPU has", 40961, 40960), ("no GPU", 1, 0), ("absurd", 1, .max),
    ])
    func noNameWithoutAFigure(what: String, memoryMiB: Int, gpuMemoryMiB: Int) {
        #expect(
            MIGProfile.conventionalName(computeSlices: 1, memoryMiB: memoryMiB, gpuMemoryMiB: gpuMemoryMiB) == nil,
            "\(what)")
    }

    /// SMs per profile in table order. A fat leaf has more SMs than a thin one on Hopper SXM only.
    @Test(
        arguments: [
            ("a30-24gb", [14, 14, 28, 28, 56]),
            ("a100-40gb", [14, 14, 14, 28, 42, 56, 98]),
            ("a100-80gb", [14, 14, 14, 28, 42, 56, 98]),
            ("h100-80gb", [16, 16, 26, 32, 60, 64, 132]),
            ("h100-80gb-pcie", [14, 14, 14, 30, 46, 62, 114]),
            ("h100-94gb", [16, 16, 26, 32, 60, 64, 132]),
            ("h100-96gb", [16, 16, 26, 32, 60, 64, 132]),
            ("h20-96gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("gh200-144gb", [16, 16, 26, 32, 60, 64, 132]),
            ("h200-141gb", [16, 16, 26, 32, 60, 64, 132]),
            ("b200-180gb", [18, 18, 30, 36, 70, 72, 148]),
            ("gb200-186gb", [18, 18, 32, 38, nil, nil, nil]),
            ("b300-269gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("gb300-278gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("rtx-pro-6000-96gb", [46, 46, 46, 46, 46, 94, 94, 94, 94, 188, 188]),
            ("rtx-pro-5000-48gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("rtx-pro-4500-32gb", [nil, nil, nil, nil, nil, nil]),
        ] as [(String, [Int?])])
    func multiprocessors(id: String, expected: [Int?]) throws {
        let model = try #require(GPUModel.named(id))
        #expect(model.geometry.profiles.map(\.multiprocessors) == expected)
    }

    /// MiB per profile in table order, as published; nil where nobody has.
    @Test(
        arguments: [
            ("h100-94gb", [11008, 11008, 22144, 22144, 47488, 47488, 95360]),
            ("h100-96gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("gh200-144gb", [17920, 17920, 36096, 36096, nil, nil, nil]),
            ("b200-180gb", [20992, 20992, 45312, 45312, nil, nil, nil]),
            ("gb200-186gb", [22528, 22528, 46592, 46592, nil, nil, nil]),
            ("b300-269gb", [nil, nil, nil, nil, nil, nil, nil]),
            ("rtx-pro-6000-96gb", [24192, 24192, 24192, 24192, 24192, 48512, 48512, 48512, 48512, 97280, 97280]),
        ] as [(String, [Int?])])
    func memories(id: String, expected: [Int?]) throws {
        let model = try #require(GPUModel.named(id))
        #expect(model.geometry.profiles.map(\.memoryMiB) == expected)
    }

    /// A row with a figure that nobody has published is never said to be from a listing.
    @Test(arguments: GPUModel.all)
    func unknownFiguresAreNotClaimed(model: GPUModel) {
        for profile in model.geometry.profiles where profile.memoryMiB == nil || profile.multiprocessors == nil {
            #expect(profile.evidence != .listing, "\(profile.name)")
        }
        let isConcluded = ["a30-24gb", "a100-40gb", "a100-80gb", "h100-80gb", "h100-80gb-pcie", "h100-94gb"]
        if !isConcluded.contains(model.id.rawValue) {
            #expect(model.geometry.profiles.allSatisfy { $0.placementEvidence == .inferred }, "no listing of places")
        }
    }

    @Test(arguments: GPUModel.all)
    func leafTypes(model: GPUModel) {
        for profile in model.geometry.profiles {
            let expected: LeafType =
                switch profile.index {
                case 0x0: .thin
                case 0x9: .fat
                default: .other(profile: profile.name)
                }
            #expect(profile.leafType == expected)
            #expect(LeafType(rawValue: expected.rawValue) == expected)
        }
    }

    @Test func unknownNumbersAreKept() {
        #expect(GPUArchitecture(rawValue: 42).description == "architecture 42")
        #expect(MIGProfile.attributes(index: 0x12) == nil)
        #expect(MIGProfile.computeInstanceProfile(computeSlices: 5) == nil)
        #expect(ComputeCapability(major: 8, minor: 6) < ComputeCapability(major: 9, minor: 0))
    }
}
