import Platform

/// What the kernel and the files of a machine say.
public struct MachineFacts: Hashable, Sendable {
    /// The file system of /dev/shm: its type, and bytes in all and free. nil when there is none.
    public struct SharedMemory: Hashable, Sendable {
        public var type: String
        public var totalBytes: Int
        public var freeBytes: Int
        public var isWritable: Bool
        public init(type: String, totalBytes: Int, freeBytes: Int, isWritable: Bool) {
            self.type = type
            self.totalBytes = totalBytes
            self.freeBytes = freeBytes
            self.isWritable = isWritable
        }
    }

    public var sharedMemory: SharedMemory?
    /// Soft limits by the kernel's names, such as "Max open files"; one that is missing has no limit.
    public var limits: [String: Int]
    /// "docker", "podman", "kubernetes"; nil outside of containers.
    public var container: String?
    /// CPUs that this process may use.
    public var processors: Int
    /// 0 lets processes of one user read each other's memory; nil where the kernel does not restrict it.
    public var ptraceScope: Int?
    public var hasInfiniBand: Bool

    public init(
        sharedMemory: SharedMemory?, limits: [String: Int], container: String?, processors: Int, ptraceScope: Int?,
        hasInfiniBand: Bool
    ) {
        self.sharedMemory = sharedMemory
        self.limits = limits
        self.container = container
        self.processors = processors
        self.ptraceScope = ptraceScope
        self.hasInfiniBand = hasInfiniBand
    }

    /// Reads this machine.
    public static func read() -> MachineFacts {
        let directory = "/dev/shm"
        let mounts = (try? Files.readText("/proc/self/mountinfo")) ?? ""
        var shared: SharedMemory?
        if Files.isDirectory(directory), let total = try? Files.totalBytes(in: directory),
            let free = try? Files.freeBytes(in: directory)
        {
            shared = SharedMemory(
                type: fileSystem(of: directory, mountInfo: mounts) ?? "an ordinary directory", totalBytes: total,
                freeBytes: free, isWritable: Files.isWritable(directory))
        }
        let scope = try? Files.readText("/proc/sys/kernel/yama/ptrace_scope")
        return MachineFacts(
            sharedMemory: shared, limits: limits(in: (try? Files.readText("/proc/self/limits")) ?? ""),
            container: container(), processors: usableProcessors(),
            ptraceScope: scope.flatMap { Int($0.prefix { $0.isNumber }) },
            hasInfiniBand: !((try? Files.names(in: "/sys/class/infiniband")) ?? []).isEmpty)
    }

    /// The type of the file system that is mounted there; the last mount is the one to be seen.
    package static func fileSystem(of path: String, mountInfo text: String) -> String? {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
        guard let line = lines.last(where: { $0.count > 4 && $0[4] == path }),
            let dash = line.firstIndex(of: "-"), dash + 1 < line.count
        else { return nil }
        return String(line[dash + 1])
    }

    /// Soft limits of the kernel's table; names and columns are apart by two spaces or more.
    package static func limits(in text: String) -> [String: Int] {
        var limits: [String: Int] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            guard let first = words.firstIndex(where: { Int($0) != nil || $0 == "unlimited" }) else { continue }
            if let limit = Int(words[first]) { limits[words[..<first].joined(separator: " ")] = limit }
        }
        return limits
    }

    private static func container() -> String? {
        if Environment.value("KUBERNETES_SERVICE_HOST") != nil { return "kubernetes" }
        if Files.exists("/run/.containerenv") { return "podman" }
        if Files.exists("/.dockerenv") { return "docker" }
        return nil
    }
}
