import Platform
import Runtimes
import TestSupport
import Testing

struct SettingsAndPluginTests {
    private let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    /// NCCL reads the environment, then the user's file, then the system's.
    @Test func settingsOfAllPlaces() throws {
        try Files.makeDirectories(directory.path("home"))
        let (own, system) = (directory.path("home/.nccl.conf"), directory.path("nccl.conf"))
        try Files.replace(own, with: Array("# mine\nNCCL_NET=IB\nNCCL_PROTO=LL\nOTHER=1\n".utf8))
        try Files.replace(system, with: Array("NCCL_NET=Socket\nNCCL_ALGO=Ring\n".utf8))
        let environment = [
            "HOME": directory.path("home"), "NCCL_PROTO": "Simple", "NCCL_DEBUG": "", "PATH": "/bin",
        ]
        #expect(
            [String: UserSetting](environment: environment, systemFile: system) == [
                "NCCL_NET": UserSetting(value: "IB", source: own),
                "NCCL_PROTO": UserSetting(value: "Simple"),
                "NCCL_ALGO": UserSetting(value: "Ring", source: system),
            ])
        let other = [String: UserSetting](
            environment: environment.merging(["NCCL_CONF_FILE": "/nowhere"]) { $1 }, systemFile: system)
        #expect(other["NCCL_NET"] == UserSetting(value: "Socket", source: system))
    }

    /// What an enclosing `flexmig run` has set is not the user's.
    @Test func ourOwnDoNotCount() {
        let environment = [
            "NCCL_HOSTID": "j1-0", "NCCL_NET": "FlexMIG", "NCCL_DEBUG": "INFO",
            RouteVariable.names: "NCCL_NET,NCCL_HOSTID",
        ]
        #expect([String: UserSetting](environment: environment, systemFile: "/nowhere").keys.sorted() == ["NCCL_DEBUG"])
    }

    // MARK: The plugin's file; only its header matters

    @Test func pluginBesideTheProgramOrInLib() throws {
        #expect(
            NCCLPluginFile(environment: [:], executableDirectory: directory.path("bin"))
                == .missing(
                    lookedAt: [
                        directory.path("bin/libnccl-net-flexmig.so"),
                        directory.path("bin/../lib/libnccl-net-flexmig.so"),
                    ]))
        try Files.makeDirectories(directory.path("bin"))
        try FakeLibrary().write(to: directory.path("lib/libnccl-net-flexmig.so"))
        #expect(
            NCCLPluginFile(environment: [:], executableDirectory: directory.path("bin"))
                == .usable(directory.path("lib/libnccl-net-flexmig.so")))
        try FakeLibrary().write(to: directory.path("bin/libnccl-net-flexmig.so"))
        #expect(
            NCCLPluginFile(environment: [:], executableDirectory: directory.path("bin"))
                == .usable(directory.path("bin/libnccl-net-flexmig.so")))
    }

    @Test func pluginByTheVariable() throws {
        func plugin(_ path: String) -> NCCLPluginFile {
            NCCLPluginFile(environment: [NCCLPluginFile.variable: path], executableDirectory: directory.path("bin"))
        }
        let path = directory.path("other.so")
        #expect(plugin(path) == .unusable(path: path, reason: "it does not exist", isChosen: true))
        try Files.replace(path, with: Array("no library, just text and more text".utf8))
        #expect(plugin(path) == .unusable(path: path, reason: "it is no ELF file", isChosen: true))
        try FakeLibrary(machine: FakeLibrary.otherMachine).write(to: path)
        #expect(plugin(path).problem?.contains("and this machine is") == true)
        try FakeLibrary().write(to: path)
        #expect(plugin(path) == .usable(path) && plugin(path).problem == nil)
    }

    @Test func versionByLoading() throws {
        #expect(try NCCLProbe.versionByLoading(try BuiltProduct.path("libodd-nccl.so")) == NCCLVersion(2, 23, 4))
        let none = #expect(throws: RuntimeRefusal.self) {
            try NCCLProbe.versionByLoading(try BuiltProduct.path("libodd-nvml.so"))
        }
        #expect(none?.description.contains("not NCCL") == true)
        #expect(throws: RuntimeRefusal.self) { try NCCLProbe.versionByLoading("/nowhere.so") }
    }
}
