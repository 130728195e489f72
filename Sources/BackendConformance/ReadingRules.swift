import DeviceInventory
import MIGModel
import Platform

extension ConformanceRule {
    static let reading: [ConformanceRule] = [
        ConformanceRule("identity", .reading, "The driver names its library and its version.") { backend in
            let driver = backend.driver
            return driver.library.isEmpty || driver.version.isEmpty
                ? .broken("library \"\(driver.library)\", version \"\(driver.version)\"") : .held
        },
        ConformanceRule("repeatable", .reading, "Two readings of an unchanged node are alike.") { backend in
            let readings = (try backend.inventory(), try backend.inventory())
            return readings.0 == readings.1 ? .held : .broken("they differ")
        },
        ConformanceRule("gpu-numbers", .reading, "GPUs are numbered from 0, and no two share a UUID or a bus.") {
            backend in
            let gpus = try backend.inventory().gpus
            if gpus.isEmpty { return .notChecked("the node has no GPU") }
            if gpus.map(\.index) != Array(gpus.indices) { return .broken("numbers \(gpus.map(\.index))") }
            let isDistinct = Set(gpus.map(\.uuid)).count == gpus.count && Set(gpus.map(\.busID)).count == gpus.count
            return isDistinct ? .held : .broken("UUIDs \(gpus.map(\.uuid.rawValue)), buses \(gpus.map(\.busID))")
        },
        .ofGPUs("gpu-uuid", "A GPU's UUID begins with GPU-, and it has a name and memory.") { gpu in
            gpu.uuid.rawValue.hasPrefix("GPU-") && !gpu.name.isEmpty && gpu.memoryMiB > 0
                ? nil : "UUID \(gpu.uuid), name \"\(gpu.name)\", \(gpu.memoryMiB) MiB"
        },
        .ofGPUs("mode", "Instances exist only where MIG mode is on; profiles only where the GPU has MIG.") { gpu in
            if !gpu.migMode.isOn, !gpu.instances.isEmpty { return "MIG \(gpu.migMode.rawValue), and instances" }
            if gpu.migMode == .unsupported, !gpu.geometry.profiles.isEmpty { return "no MIG, and profiles" }
            return gpu.migMode.isOn && gpu.geometry.profiles.isEmpty ? "MIG on, and no profiles" : nil
        },
        .ofGPUs("profile-ids", "No two profiles of a GPU share an ID or a name.") { gpu in
            let profiles = gpu.geometry.profiles
            let isDistinct =
                Set(profiles.map(\.id)).count == profiles.count && Set(profiles.map(\.name)).count == profiles.count
            return isDistinct ? nil : profiles.map { "\($0.id) \($0.name)" }.joined(separator: ", ")
        },
        .ofGPUs("profile-places", "Every profile has places, of one size, within the GPU, as many as may exist.") {
            gpu in
            for profile in gpu.geometry.profiles {
                let isSane =
                    !profile.placements.isEmpty && profile.placements.count >= profile.maximumInstances
                    && profile.maximumInstances > 0 && profile.computeSlices > 0
                    && profile.placements.allSatisfy {
                        $0.size == profile.memorySlices && $0.start >= 0 && $0.end <= gpu.geometry.memorySlices
                    }
                if !isSane { return "\(profile.name) at \(profile.placements), at most \(profile.maximumInstances)" }
            }
            return nil
        },
        .ofGPUs("profile-figures", "A profile has no more memory than its GPU; what is unknown is not 0.") { gpu in
            let wrong = gpu.geometry.profiles.first { profile in
                profile.memoryMiB.map { $0 <= 0 || $0 > gpu.memoryMiB } ?? false
                    || profile.multiprocessors.map { $0 <= 0 } ?? false
            }
            return wrong.map { "\($0.name): \($0.memoryMiB ?? -1) MiB, \($0.multiprocessors ?? -1) SMs" }
        },
        .ofGPUs("layout", "What is there is legal by what the driver says can be there.") { gpu in
            gpu.geometry.problem(in: gpu.layout)?.description(on: gpu.geometry)
        },
        .ofGPUs("instance-ids", "No two instances of a GPU share an id.") { gpu in
            let ids = gpu.instances.map(\.id)
            return Set(ids).count == ids.count ? nil : "\(ids)"
        },
        .ofGPUs("leaves", "Leaves are the devices of the instances: same ids, same UUIDs, same place.") { gpu in
            for leaf in gpu.leaves {
                guard let instance = gpu.instances.first(where: { $0.id == leaf.gpuInstance }),
                    let device = instance.devices.first(where: { $0.computeInstance == leaf.computeInstance })
                else { return "\(leaf.uuid) has no instance" }
                if device.uuid != leaf.uuid || instance.spec.placement != leaf.placement || leaf.gpu != gpu.index {
                    return "\(leaf.uuid) at \(leaf.placement) is not \(device.uuid) at \(instance.spec.placement)"
                }
            }
            let count = gpu.instances.reduce(0) { $0 + $1.devices.count }
            return count == gpu.leaves.count ? nil : "\(count) devices, \(gpu.leaves.count) leaves"
        },
        .ofGPUs("leaf-memory", "The leaves of a GPU have no more memory than the GPU.") { gpu in
            // Several compute instances of one instance share its memory.
            let whole = gpu.leaves.filter { leaf in
                gpu.instances.contains { $0.id == leaf.gpuInstance && $0.devices.count == 1 }
            }
            let sum = whole.reduce(0) { $0 + $1.memoryMiB }
            return sum <= gpu.memoryMiB ? nil : "\(sum) MiB of \(gpu.memoryMiB)"
        },
        ConformanceRule("leaf-uuids", .reading, "No two leaves share a UUID, and it begins with MIG-.") { backend in
            let leaves = try backend.inventory().leaves
            if leaves.isEmpty { return .notChecked("the node has no leaf") }
            let isSane = Set(leaves.map(\.uuid)).count == leaves.count
            return isSane && leaves.allSatisfy { $0.uuid.rawValue.hasPrefix("MIG-") }
                ? .held : .broken("\(leaves.map(\.uuid.rawValue))")
        },
        ConformanceRule("processes", .reading, "The driver says which processes are on each leaf.") { backend in
            let leaves = try backend.inventory().leaves
            if leaves.isEmpty { return .notChecked("the node has no leaf") }
            for leaf in leaves {
                let processes = try backend.processes(on: leaf.uuid)
                if !processes.allSatisfy({ $0.rawValue > 0 }) { return .broken("\(leaf.uuid): \(processes)") }
            }
            return .held
        },
        ConformanceRule("unknown-leaf", .reading, "A leaf that is not there is gone, and nothing else.") { backend in
            do throws(DeviceError) {
                let found = try backend.processes(
                    on: MIGDeviceUUID(rawValue: "MIG-00000000-0000-5000-8000-000000000000"))
                return .broken("it has the processes \(found)")
            } catch {
                return error.kind == .gone ? .held : .broken("\(error)")
            }
        },
    ]
}
