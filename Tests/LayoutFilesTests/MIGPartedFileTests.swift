import LayoutFiles
import MIGModel
import Testing

/// Files as NVIDIA's mig-parted reads them.
struct MIGPartedFileTests {
    static let text = """
        version: v1
        mig-configs:
          all-disabled:
            - devices: all
              mig-enabled: false
          all-1g.5gb:
            - devices: all
              mig-enabled: true
              mig-devices:
                "1g.5gb": 7
          custom:
            - devices: [0, 3]
              device-filter: 0x20B010DE
              mig-enabled: true
              mig-devices: {"1g.10gb+me": 1, 2g.10gb: 2}
            - device-filter: ["0x233010DE", "0x20B210de"]
              devices: all
              mig-enabled: true
              mig-devices: {}
        """

    @Test func configurations() throws {
        let disabled = try read(Self.text, configuration: "all-disabled")
        #expect(disabled.entries == [WantedEntry(gpus: [.all], instances: .migModeOff, line: 4)])
        #expect(disabled.precedence == .last && disabled.source == "f, configuration \"all-disabled\"")
        let thin = try read(Self.text, configuration: "all-1g.5gb")
        #expect(
            thin.entries.map(\.instances) == [.profiles(Array(repeating: WantedProfile(name: "1g.5gb"), count: 7))])
        let custom = try read(Self.text, configuration: "custom")
        #expect(custom.entries.map(\.gpus) == [[.index(0), .index(3)], [.all]])
        #expect(custom.entries.map(\.pciDeviceIDs) == [[0x20B0_10DE], [0x2330_10DE, 0x20B2_10DE]])
        #expect(
            custom.entries.map(\.instances) == [
                .profiles(["1g.10gb+me", "2g.10gb", "2g.10gb"].map { WantedProfile(name: $0) }), .profiles([]),
            ])
    }

    /// A file with one configuration needs no name for it.
    @Test func oneConfiguration() throws {
        let text = "version: v1\nmig-configs:\n  x:\n    - {devices: all, mig-enabled: true, mig-devices: {2g.10gb: 3}}"
        #expect(try read(text).entries.count == 1)
        #expect(try refusal(text, configuration: "y") == "f:2:1: there is no configuration \"y\"; there are: \"x\"")
        #expect(
            try refusal(Self.text)
                == "f:2:1: there are 3 configurations; choose one with --config: \"all-disabled\", \"all-1g.5gb\", \"custom\""
        )
        #expect(
            try refusal("version: 1\ngpus: [{gpu: 0, layout: thin}]", configuration: "x")
                == "f:1:10: only NVIDIA mig-parted files (version: v1) have configurations to choose from")
    }

    static let mistakes: [(String, String, String)] = [
        ("no configurations", "version: v1", "f:1:1: the key \"mig-configs\" is missing"),
        ("unknown key", "version: v1\nconfigs: {}", "f:2:1: unknown key \"configs\"; known here: version, mig-configs"),
        ("empty", "version: v1\nmig-configs: {}", "f:2:14: mig-configs is empty"),
        ("empty list", "version: v1\nmig-configs: {x: []}", "f:2:18: the configuration \"x\" is empty"),
        ("no list", "version: v1\nmig-configs: {x: 1}", "f:2:18: the configuration \"x\" must be a list"),
        ("unknown field", entry("device: all"), "f:4:7: unknown key \"device\"; known here: devices, device-filter"),
        ("no devices", entry("mig-enabled: false"), "f:4:7: the key \"devices\" is missing"),
        ("no mig-enabled", entry("devices: all"), "f:4:7: the key \"mig-enabled\" is missing"),
        ("odd devices", entry("devices: some"), "f:4:16: devices must be all, or a list of indices"),
        ("odd index", entry("devices: [a]"), "f:4:17: an index of devices must be a whole number"),
        ("odd mig-enabled", entry("mig-enabled: 1"), "f:4:20: mig-enabled must be true or false"),
        ("odd filter", entry("device-filter: A100"), "f:4:22: \"A100\" is no PCI device and vendor ID"),
        ("long filter", entry("device-filter: 0x120B010DE"), "f:4:22: \"0x120B010DE\" is no PCI device"),
        ("no mig-devices", entry("devices: all\n      mig-enabled: true"), "f:4:7: the key \"mig-devices\" is missing"),
        (
            "mig-devices without MIG", entry("devices: all\n      mig-enabled: false\n      mig-devices: {1g.5gb: 1}"),
            "f:4:7: mig-devices must be empty when mig-enabled is false"
        ),
        (
            "compute instances", entry("mig-devices: {1c.2g.10gb: 1}"),
            "f:4:21: \"1c.2g.10gb\" is part of a GPU instance"
        ),
        ("odd count", entry("mig-devices: {1g.5gb: -1}"), "f:4:29: the number of \"1g.5gb\" must be"),
    ]

    private static func entry(_ text: String) -> String { "version: v1\nmig-configs:\n  x:\n    - \(text)" }

    /// A file that mig-parted takes, with one configuration that we don't: the others can be used.
    @Test func computeInstancesElsewhereDoNotMatter() throws {
        let text = """
            version: v1
            mig-configs:
              parts: [{devices: all, mig-enabled: true, mig-devices: {1c.2g.10gb: 2}}]
              whole: [{devices: all, mig-enabled: true, mig-devices: {2g.10gb: 2}}]
            """
        let whole = try read(text, configuration: "whole")
        #expect(
            whole.entries.map(\.instances) == [
                .profiles([WantedProfile(name: "2g.10gb"), WantedProfile(name: "2g.10gb")])
            ])
        let error = try #require(throws: LayoutFileError.self) { try read(text, configuration: "parts") }
        #expect(error.description.contains("is part of a GPU instance"))
    }

    @Test(arguments: mistakes) func mistakesHaveAPlace(what: String, text: String, message: String) throws {
        let told = try refusal(text)
        #expect(told.hasPrefix(message), "\(what): \(told)")
    }
}
