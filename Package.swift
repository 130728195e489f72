// swift-tools-version: 6.3
import PackageDescription

/// Linker settings of a library that foreign processes load: the Swift runtime is inside, only the
/// symbols of the map file are visible, and dlclose leaves it mapped (a Swift library that is
/// unmapped crashes its host at the next dynamic cast).
///
/// - Parameter name: what programs that are linked with it look for; nil for a library that is only loaded by path.
func foreignLibrary(exports: String, name: String? = nil) -> [LinkerSetting] {
    let soname = name.map { ["-Xlinker", "-soname=\($0)"] } ?? []
    return [
        .unsafeFlags(
            [
                "-static-stdlib",
                "-Xlinker", "--version-script=\(Context.packageDirectory)/\(exports)",
                "-Xlinker", "-z", "-Xlinker", "nodelete",
            ] + soname)
    ]
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "flex-mig",
    products: [
        .executable(name: "flexmig", targets: ["flexmig"]),
        .executable(name: "flexmig-supervisor", targets: ["flexmig-supervisor"]),
        .executable(name: "flexmigd", targets: ["flexmigd"]),
        .executable(name: "digits-training", targets: ["Digits"]),
        .library(name: "flexmig-simulated-nvml", type: .dynamic, targets: ["SimulatedNVML"]),
        .library(name: "odd-nvml", type: .dynamic, targets: ["OddNVML"]),
        .library(name: "odd-nccl", type: .dynamic, targets: ["OddNCCL"]),
        .library(name: "Collectives", targets: ["Collectives"]),
        // Installed as libflexmig.so, its SONAME; a product of that name would be the program's.
        .library(name: "flexmig-collectives", type: .dynamic, targets: ["CollectivesC"]),
        .library(name: "nccl-net-flexmig", type: .dynamic, targets: ["NCCLPlugin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "MIGModel"),
        .target(name: "CPlatform"),
        .target(name: "Platform", dependencies: ["CPlatform"]),
        .target(name: "CNVML"),
        .target(name: "NVML", dependencies: ["CNVML", "MIGModel", "Platform"]),
        .target(name: "SimulatedDriver", dependencies: ["MIGModel", "Platform"]),
        .target(
            name: "SimulatedNVML",
            dependencies: ["CNVML", "MIGModel", "Platform", "SimulatedDriver"],
            exclude: ["exports.map"],
            linkerSettings: foreignLibrary(exports: "Sources/SimulatedNVML/exports.map")),
        .target(name: "LeafScheduling", dependencies: ["MIGModel"]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Traces", dependencies: ["CZlib"]),
        .target(name: "ClusterSimulation", dependencies: ["LeafScheduling", "MIGModel", "Traces"]),
        .target(name: "SimulationReport", dependencies: ["ClusterSimulation", "Traces"]),
        .target(name: "DeviceInventory", dependencies: ["MIGModel", "NVML", "Platform"]),
        .target(name: "BackendConformance", dependencies: ["DeviceInventory", "MIGModel", "Platform"]),
        .target(name: "LayoutFiles", dependencies: ["MIGModel", "Platform", yams]),
        .target(name: "Runtimes", dependencies: ["MIGModel", "Platform"]),
        .target(name: "CReduction"),
        .target(name: "Collectives", dependencies: ["CReduction", "Platform"]),
        .target(name: "CFlexmig"),
        .target(
            name: "CollectivesC",
            dependencies: ["CFlexmig", "Collectives", "Platform"],
            exclude: ["exports.map"],
            linkerSettings: foreignLibrary(exports: "Sources/CollectivesC/exports.map", name: "libflexmig.so")),
        .target(name: "NCCLTransport", dependencies: ["CReduction", "Collectives", "Platform"]),
        .target(name: "CNCCLPlugin"),
        .target(
            name: "NCCLPlugin",
            dependencies: ["CNCCLPlugin", "Collectives", "NCCLTransport", "Platform"],
            exclude: ["exports.map"],
            linkerSettings: foreignLibrary(exports: "Sources/NCCLPlugin/exports.map")),
        .target(name: "CollectiveBenchmark", dependencies: ["CReduction", "Collectives", "Platform"]),
        .target(
            name: "Launcher",
            dependencies: ["DeviceInventory", "LeafScheduling", "MIGModel", "Platform", "Runtimes"]),
        .target(name: "Agreement", dependencies: ["Collectives", "Platform"]),
        .target(name: "CNCCLNet"),
        .target(
            name: "Diagnosis",
            dependencies: ["CNCCLNet", "Collectives", "DeviceInventory", "MIGModel", "Platform", "Runtimes"]),
        .target(name: "Spanning"),
        .target(name: "SpanningBenchmark", dependencies: ["Platform", "Spanning"]),
        .target(
            name: "Commands",
            dependencies: [
                "Agreement", "BackendConformance", "ClusterSimulation", "CollectiveBenchmark", "DeviceInventory",
                "Diagnosis", "LayoutFiles", "Launcher", "LeafScheduling", "MIGModel", "NVML", "Platform", "Runtimes",
                "SimulatedDriver", "SimulationReport", "Spanning", "SpanningBenchmark", "Traces", argumentParser, yams,
            ]),
        .executableTarget(name: "flexmig", dependencies: ["Commands"]),
        .executableTarget(name: "flexmig-supervisor", dependencies: ["Launcher"]),
        .target(name: "NodeAPI"),
        .target(
            name: "NodeStore", dependencies: ["NodeAPI", "Platform", .product(name: "GRDB", package: "GRDB.swift")]),
        .target(
            name: "NodeService",
            dependencies: [
                "DeviceInventory", "Launcher", "LeafScheduling", "MIGModel", "NodeAPI", "NodeStore", "Platform",
                "Runtimes", logging,
            ]),
        .target(
            name: "NodeServer",
            dependencies: ["NodeAPI", "NodeService", "Platform", hummingbird, logging, serviceLifecycle]),
        .target(
            name: "NodeClient",
            dependencies: [
                "NodeAPI", "Platform", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(name: "flexmigd", dependencies: ["NodeServer", argumentParser]),
        .target(name: "DigitsModel", path: "Examples/Digits/Model"),
        .executableTarget(
            name: "Digits",
            dependencies: ["Collectives", "DigitsModel", "Platform", "SimulatedDriver", argumentParser],
            path: "Examples/Digits/Program",
            resources: [.copy("digits.csv")]),

        // Programs and libraries that the tests start or load.
        .target(
            name: "TestSupport", dependencies: ["MIGModel", "Platform", "SimulatedDriver"], path: "Tests/TestSupport"),
        .target(
            name: "CollectiveTrials", dependencies: ["Collectives"], path: "Tests/Programs/CollectiveRank/Trials"),
        .target(name: "HotPath", path: "Tests/Programs/CollectiveRank/HotPath"),
        .executableTarget(
            name: "collective-rank", dependencies: ["CollectiveTrials", "Collectives", "HotPath", "Platform"],
            path: "Tests/Programs/CollectiveRank/Program"),
        .executableTarget(
            name: "context-holder", dependencies: ["Platform", "SimulatedDriver"], path: "Tests/Programs/ContextHolder"),
        .executableTarget(
            name: "inventory-client",
            dependencies: ["DeviceInventory", "Launcher", "MIGModel", "Platform", "SimulatedDriver"],
            path: "Tests/Programs/InventoryClient"),
        .executableTarget(
            name: "layout-storm",
            dependencies: [
                "CNVML", "DeviceInventory", "Launcher", "MIGModel", "NVML", "Platform", "SimulatedDriver",
                "TestSupport",
            ],
            path: "Tests/Programs/LayoutStorm"),
        .executableTarget(
            name: "JobRank", dependencies: ["Platform", "SimulatedDriver", argumentParser],
            path: "Tests/Programs/JobRank"),
        .target(name: "OddNCCL", dependencies: ["CNCCLNet"], path: "Tests/Programs/OddNCCL"),
        .executableTarget(name: "nccl-driver", path: "Tests/Programs/NCCLDriver"),
        .target(name: "OddNVML", dependencies: ["CNVML"], path: "Tests/Programs/OddNVML"),
        .executableTarget(
            name: "scheduling-benchmark", dependencies: ["HotPath", "LeafScheduling", "MIGModel", "Platform"],
            path: "Tests/Programs/SchedulingBenchmark"),
        .executableTarget(name: "second-process", dependencies: ["Platform"], path: "Tests/Programs/SecondProcess"),

        .testTarget(
            name: "BackendConformanceTests",
            dependencies: [
                "BackendConformance", "DeviceInventory", "MIGModel", "Platform", "SimulatedDriver", "TestSupport",
            ]),
        .testTarget(
            name: "ClusterSimulationReferenceTests",
            dependencies: ["ClusterSimulation", "LeafScheduling", "MIGModel", "Traces"]),
        .testTarget(name: "CollectiveBenchmarkTests", dependencies: ["CollectiveBenchmark"]),
        .testTarget(
            name: "ClusterSimulationTests",
            dependencies: ["ClusterSimulation", "LeafScheduling", "MIGModel", "TestSupport", "Traces"]),
        .testTarget(
            name: "CollectivesTests", dependencies: ["CollectiveTrials", "Collectives", "Platform", "collective-rank"]),
        .testTarget(
            name: "CommandsTests",
            dependencies: [
                "CollectiveBenchmark", "Commands", "DeviceInventory", "MIGModel", "Platform", "SimulatedDriver",
                "TestSupport", "flexmig",
            ],
            exclude: ["Help"]),
        .testTarget(
            name: "DeviceInventoryTests",
            dependencies: ["DeviceInventory", "MIGModel", "Platform", "SimulatedDriver", "TestSupport"]),
        .testTarget(
            name: "DiagnosisTests",
            dependencies: ["DeviceInventory", "Diagnosis", "MIGModel", "Platform", "Runtimes", "TestSupport"]),
        .testTarget(name: "DigitsTests", dependencies: ["Digits", "DigitsModel", "Platform"]),
        .testTarget(
            name: "EndToEndTests", dependencies: ["MIGModel", "Platform", "SimulatedDriver", "Spanning", "TestSupport"]),
        .testTarget(
            name: "LauncherTests",
            dependencies: [
                "DeviceInventory", "Launcher", "LeafScheduling", "MIGModel", "Platform", "Runtimes", "SimulatedDriver",
                "TestSupport",
            ]),
        .testTarget(
            name: "LayoutFilesTests", dependencies: ["LayoutFiles", "MIGModel", "Platform", "TestSupport"]),
        .testTarget(
            name: "LeafSchedulingTests",
            dependencies: ["LeafScheduling", "MIGModel", "Platform", "TestSupport", "scheduling-benchmark"]),
        .testTarget(name: "MIGModelTests", dependencies: ["MIGModel"]),
        .testTarget(
            name: "NCCLTransportTests",
            dependencies: ["Collectives", "NCCLTransport", "Platform", "TestSupport", "nccl-driver"]),
        .testTarget(
            name: "NVMLTests",
            dependencies: ["CNVML", "MIGModel", "NVML", "Platform", "SimulatedDriver", "TestSupport"]),
        .testTarget(
            name: "NodeServiceTests",
            dependencies: [
                "ClusterSimulation", "LeafScheduling", "MIGModel", "NodeAPI", "NodeService", "Platform", "TestSupport",
                "Traces",
            ]),
        .testTarget(name: "ReductionTests", dependencies: ["CReduction"]),
        .testTarget(
            name: "RuntimesTests", dependencies: ["MIGModel", "NCCLTransport", "Platform", "Runtimes", "TestSupport"]),
        .testTarget(
            name: "SpanningTests", dependencies: ["Platform", "Spanning", "SpanningBenchmark", "TestSupport"]),
        .testTarget(
            name: "SimulationReportTests",
            dependencies: ["ClusterSimulation", "MIGModel", "SimulationReport", "Traces"]),
        .testTarget(name: "TracesTests", dependencies: ["Platform", "TestSupport", "Traces"]),
        .testTarget(name: "PlatformTests", dependencies: ["Platform", "TestSupport"]),
        .testTarget(
            name: "SimulatedDriverTests", dependencies: ["MIGModel", "Platform", "SimulatedDriver", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

// The same strictness for every target of ours.
for target in package.targets where target.type != .system {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .strictMemorySafety(),
            .treatAllWarnings(as: .error),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
        ]
    target.cSettings = (target.cSettings ?? []) + [.define("_GNU_SOURCE")]
}
