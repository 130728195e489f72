import Platform

/// The machine of a run, as far as its times depend on it.
public struct MachineDescription: Codable, Sendable {
    public var processor: String
    public var onlineProcessors: Int
    /// Of the first core: "L1 Data 32K".
    public var caches: [String]
    public var kernel: String
    public var memoryBytes: Int
    /// When transparent huge pages are used: "madvise".
    public var hugePages: String?

    package init(
        processor: String, onlineProcessors: Int, caches: [String], kernel: String, memoryBytes: Int,
        hugePages: String?
    ) {
        self.processor = processor
        self.onlineProcessors = onlineProcessors
        self.caches = caches
        self.kernel = kernel
        self.memoryBytes = memoryBytes
        self.hugePages = hugePages
    }

    /// Reads /proc and /sys; what they don't say is "unknown" or missing.
    public static func current() -> MachineDescription {
        func line(_ path: String) -> String? {
            (try? Files.readText(path)).map { String($0.prefix { $0 != "\n" }) }
        }
        let processor = (try? Files.readText("/proc/cpuinfo"))?.split(separator: "\n")
            .first { $0.hasPrefix("model name") }?.split(separator: ":").last
        let folder = "/sys/devices/system/cpu/cpu0/cache"
        let caches = ((try? Files.names(in: folder)) ?? []).filter { $0.hasPrefix("index") }.compactMap { index in
            let parts = ["level", "type", "size"].compactMap { line("\(folder)/\(index)/\($0)") }
            return parts.count == 3 ? "L\(parts[0]) \(parts[1]) \(parts[2])" : nil
        }
        let pages = line("/sys/kernel/mm/transparent_hugepage/enabled")?.split(separator: " ")
            .first { $0.hasPrefix("[") }
        return MachineDescription(
            processor: processor.map { trimmed($0) } ?? "unknown",
            onlineProcessors: Platform.onlineProcessors(), caches: caches,
            kernel: line("/proc/sys/kernel/osrelease") ?? "unknown",
            memoryBytes: Memory.bytes("MemTotal") ?? 0, hugePages: pages.map { String($0.dropFirst().dropLast()) })
    }

    private static func trimmed(_ text: Substring) -> String { text.split(separator: " ").joined(separator: " ") }

    /// One line for people.
    public var summary: String {
        "\(processor), \(onlineProcessors) CPUs, \(memoryBytes >> 30) GiB, Linux \(kernel)"
    }
}

/// What /proc/meminfo says.
public enum Memory {
    /// Bytes that can still be used without swapping; nil where nobody says.
    public static func available() -> Int? { bytes("MemAvailable") }

    static func bytes(_ name: String) -> Int? {
        guard let text = try? Files.readText("/proc/meminfo"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") })
        else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
