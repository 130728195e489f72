import DeviceInventory
import Foundation
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// Device numbers as a driver tells them, and the file for container engines.
struct CDITests {
    private func fixture() throws -> (NodeFixture, root: String, node: NodeInventory) {
        let fixture = try NodeFixture("a100-40gb:2")
        try fixture.makeLeaf(at: 0)
        try fixture.makeLeaf(at: 4, size: 2, profile: 14, compute: 1, on: 1)
        let root = fixture.directory.path("root")
        try fixture.node.writeSystemTables(in: root)
        let state = try fixture.node.state()
        let gpus = state.gpus.enumerated().map { index, gpu in
            GPU(
                index: index, uuid: GPUUUID(rawValue: gpu.uuid), name: "", model: nil, busID: "", numaNode: nil,
                memoryMiB: 0,
                migMode: .on, geometry: gpu.model.geometry, instances: [],
                leaves: gpu.instances.map { instance in
                    Leaf(
                        uuid: MIGDeviceUUID(rawValue: instance.computeInstances[0].uuid), gpu: index,
                        gpuInstance: GPUInstanceID(rawValue: instance.id), computeInstance: 0, profile: "",
                        leafType: .thin,
                        placement: instance.placement, memoryMiB: 0, multiprocessors: 0, numaNode: nil)
                }, minorNumber: index)
        }
        let node = NodeInventory(driver: DriverIdentity(library: "", version: "", simulatedNode: nil), gpus: gpus)
        return (fixture, root, node)
    }

    /// The numbers of the table's two ends and of NVIDIA's example, which is where they come from.
    @Test func theSimulatedTableIsNVIDIAs() throws {
        let tables = DriverTables(root: try fixture().root)
        #expect(tables.majors["nvidia-caps"] == 236 && tables.majors["nvidia"] == 195 && tables.majors["loop"] == nil)
        #expect(tables.minor(of: "gpu0/gi0/access") == 3 && tables.minor(of: "gpu0/gi0/ci0/access") == 4)
        #expect(tables.minor(of: "gpu0/gi1/access") == 12 && tables.minor(of: "gpu31/gi14/ci7/access") == 4322)
        #expect(tables.mode(of: "gpu0/gi7/access") == 0o444 && tables.minor(of: "gpu0/gi15/access") == nil)
    }

    /// An older driver has the file of each capability, and no table of all.
    @Test func withoutTheTableTheFilesTell() throws {
        let (_, root, node) = try fixture()
        let leaves = node.leaves
        let whole = try CDISpec(node, leaves: leaves, tables: DriverTables(root: root))
        try Files.remove("\(root)/proc/driver/nvidia-caps/mig-minors")
        #expect(try CDISpec(node, leaves: leaves, tables: DriverTables(root: root)) == whole)
    }

    @Test func everyLeafHasItsNodes() throws {
        let (_, root, node) = try fixture()
        let spec = try CDISpec(node, leaves: node.leaves, tables: DriverTables(root: root))
        #expect(spec.devices.map(\.name) == node.leaves.map(\.uuid.rawValue) + ["all"])
        // GI 5 of GPU 1 (4:2): 3 + 135 + 45 = 183.
        let second = try #require(spec.devices[1].containerEdits.deviceNodes)
        #expect(
            second.map(\.path) == ["/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap183", "/dev/nvidia-caps/nvidia-cap184"])
        #expect(second.map(\.major) == [195, 236, 236] && second.map(\.minor) == [1, 183, 184])
        #expect(second.map(\.permissions) == ["rw", "r", "r"])
        #expect(spec.devices[1].containerEdits.env == ["FLEXMIG_LEAF_AT_01_04_00=\(node.leaves[1].uuid)"])
        let common = try #require(spec.containerEdits.deviceNodes)
        #expect(common.map(\.path) == ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"])
        #expect(common.map(\.minor) == [255, 0, 1] && common.map(\.major) == [195, 511, 511])
        let all = try #require(spec.devices.last?.containerEdits)
        let list = node.leaves.map(\.uuid.rawValue).joined(separator: ",")
        #expect(all.deviceNodes?.count == 6 && all.env?.contains("FLEXMIG_LEAVES=\(list)") == true)
    }

    @Test func setsShareNodesAndRefuseNonsense() throws {
        let (_, root, node) = try fixture()
        let tables = DriverTables(root: root)
        let names = node.leaves.map(\.uuid.rawValue)
        let spec = try CDISpec(
            node, leaves: node.leaves, tables: tables, sets: [("job:1", [names[1], names[0], names[1]])])
        let set = try #require(spec.devices.first { $0.name == "job:1" })
        #expect(set.containerEdits.env?.contains("FLEXMIG_LEAVES=\(names[1]),\(names[0])") == true)
        #expect(throws: CDIProblem.unknownLeaf("MIG-x")) {
            try CDISpec(node, leaves: node.leaves, tables: tables, sets: [("a", ["MIG-x"])])
        }
        for name in ["", "a b", "-a", "a-", "a/b", "all", names[0], "ä"] {
            #expect(throws: CDIProblem.badName(name == "all" ? "all" : name)) {
                try CDISpec(node, leaves: node.leaves, tables: tables, sets: [(name, [names[0]])])
            }
        }
        #expect(throws: CDIProblem.noLeaves) { try CDISpec(node, leaves: [], tables: tables) }
    }

    @Test func missingTablesAreTold() throws {
        let (_, root, node) = try fixture()
        #expect(throws: CDIProblem.noCapabilities(root: "/nowhere")) {
            try CDISpec(node, leaves: node.leaves, tables: DriverTables(root: "/nowhere"))
        }
        try Files.replace(
            "\(root)/proc/driver/nvidia-caps/mig-minors",
            with: Array("gpu0/gi x\n\u{ff} 1 2 3\ngpu0/gi7/access -4\n".utf8))
        try Files.remove("\(root)/proc/driver/nvidia/capabilities/gpu1/mig/gi5/access")
        #expect(throws: CDIProblem.noMinor(leaf: node.leaves[1].uuid, name: "gpu1/gi5/access", root: root)) {
            try CDISpec(node, leaves: node.leaves, tables: DriverTables(root: root))
        }
    }
}
