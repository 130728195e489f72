import Platform

/// The files of /proc by which a driver tells its device numbers.
extension SimulatedNode {
    /// Character devices as on a machine with a driver of release 5xx.
    private static let majors = """
        Character devices:
          1 mem
        195 nvidia
        195 nvidiactl
        236 nvidia-caps
        511 nvidia-uvm

        Block devices:
          7 loop

        """

    /// Writes them below a directory that stands for the root: /proc/devices, the table of all capabilities, and the
    /// capability files of the instances that exist now.
    ///
    /// The minor numbers follow NVIDIA's table: 3 + 135 a GPU + 9 a GPU instance, and behind each its eight compute instances.
    public func writeSystemTables(in root: String) throws {
        let state = try state()
        let proc = "\(root)/proc"
        try Files.makeDirectories("\(proc)/driver/nvidia-caps")
        try Files.replace("\(proc)/devices", with: Array(Self.majors.utf8))
        var lines = ["config 1", "monitor 2"]
        for gpu in 0..<32 {
            for instance in 0..<15 {
                let minor = 3 + 135 * gpu + 9 * instance
                lines.append("gpu\(gpu)/gi\(instance)/access \(minor)")
                for compute in 0..<8 {
                    lines.append("gpu\(gpu)/gi\(instance)/ci\(compute)/access \(minor + 1 + compute)")
                }
            }
        }
        try Files.replace(
            "\(proc)/driver/nvidia-caps/mig-minors", with: Array((lines.joined(separator: "\n") + "\n").utf8))
        for (index, gpu) in state.gpus.enumerated() {
            for instance in gpu.instances {
                let minor = 3 + 135 * index + 9 * instance.id
                let directory = "\(proc)/driver/nvidia/capabilities/gpu\(index)/mig/gi\(instance.id)"
                try Self.writeCapability(minor, in: directory)
                for compute in instance.computeInstances {
                    try Self.writeCapability(minor + 1 + compute.id, in: "\(directory)/ci\(compute.id)")
                }
            }
        }
    }

    /// 292 is 0444: whoever has the file in his container may use the instance.
    private static func writeCapability(_ minor: Int, in directory: String) throws(SystemError) {
        try Files.makeDirectories(directory)
        try Files.replace(
            "\(directory)/access",
            with: Array("DeviceFileMinor: \(minor)\nDeviceFileMode: 292\nDeviceFileModify: 1\n".utf8))
    }
}
