import DeviceInventory
import MIGModel
import Testing

/// GPUs that can't get a layout, and what the user can do.
struct LayoutRefusalTests {
    private func refusal(_ plan: Result<LayoutPlan, LayoutRefusal>) throws -> String {
        "\(try #require(throws: LayoutRefusal.self) { try plan.get() })"
    }

    @Test(arguments: [
        ("off", MIGMode.off, "off", "-mig 1"),
        ("switched on, but not yet", .pendingOn, "off, on after a reset", "--gpu-reset"),
    ])
    func migModeOff(what: String, mode: MIGMode, words: String, command: String) throws {
        let gpu = GPU.planned(.a100With40GB, index: 3, mode: mode)
        for name in LayoutName.allCases {
            #expect(
                try refusal(gpu.plan(name)) == """
                    MIG mode of GPU 3 is \(words)
                    flexmig never switches it. On this GPU it takes a reset: nothing may use the GPU meanwhile, \
                    monitoring services included. The mode then stays over reboots. When nothing uses the GPU, run: \
                    nvidia-smi -i 3 \(command)
                    """, "\(what)")
        }
        #expect(throws: LayoutRefusal.migModeOff(gpu: 3, mode: mode, .reset)) { try gpu.plan(Layout([])).get() }
    }

    /// It is still on, whatever the next reset brings.
    @Test func migModeThatWillBeOff() throws {
        #expect(try GPU.planned(.a100With40GB, mode: .pendingOff).plan(.thin).get().steps.count == 7)
    }

    @Test func gpuWithoutMIG() throws {
        #expect(try refusal(GPU.planned(.a100With40GB, mode: .unsupported).plan(.thin)) == "GPU 0 has no MIG")
    }

    @Test(arguments: [LayoutName.doubles, .full])
    func gpuWithoutDoubleMemoryProfile(name: LayoutName) throws {
        #expect(
            try refusal(GPU.planned(.a30, index: 1).plan(name))
                == "GPU 1: layout \"\(name.rawValue)\" needs a 1g profile with double memory, which this GPU does not "
                + "offer (it offers 1g.6gb, 1g.6gb+me, 2g.12gb, 2g.12gb+me, 4g.24gb); use layout \"thin\"")
    }

    @Test(arguments: GPUModel.all)
    func namedLayoutsThatExistAreNotRefused(model: GPUModel) throws {
        let hasFatLeaf = model.geometry.memorySlices == 8
        let names = hasFatLeaf ? LayoutName.allCases : [LayoutName.thin]
        for name in names { #expect(try GPU.planned(model).plan(name).get().wanted.specs.count > 0) }
    }

    @Test func illegalLayouts() throws {
        let gpu = GPU.planned(.a100With40GB)
        func spec(_ profile: MIGProfile.ID, _ start: Int, _ size: Int) -> MIGSpec {
            MIGSpec(profile: profile, placement: Placement(start: start, size: size))
        }
        #expect(
            try refusal(gpu.plan(Layout([spec(9, 0, 4), spec(19, 3, 1)])))
                == "GPU 0: 3g.20gb@0:4 and 1g.5gb@3:1 overlap")
        #expect(
            try refusal(gpu.plan(Layout([spec(99, 0, 4)]))) == "GPU 0: 99@0:4: this GPU has no profile 99")
        #expect(
            try refusal(gpu.plan(Layout([spec(14, 1, 2)])))
                == "GPU 0: 2g.10gb@1:2: this profile can only lie at 0:2, 2:2, 4:2")
    }
}
