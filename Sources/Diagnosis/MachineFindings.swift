extension MachineFacts {
    /// Below this a job of several ranks, or a few data loaders, soon runs out.
    private static let leastSharedMemory = 64 << 20
    /// What docker gives when it is not told otherwise.
    private static let littleSharedMemory = 1 << 30

    /// What is to be said of the machine.
    ///
    /// - Parameter leaves: of the node, so that ranks can be compared with CPUs.
    func findings(leaves: Int) -> [Finding] {
        [memory] + limitFindings + [cpus(leaves), containerFinding, tracing]
    }

    private var memory: Finding {
        guard let sharedMemory else {
            return Finding(
                "shared-memory", .problem, "there is no /dev/shm",
                fix: "Mount one: mount -t tmpfs -o size=8G tmpfs /dev/shm", .machine)
        }
        let mebibytes = (total: sharedMemory.totalBytes >> 20, free: sharedMemory.freeBytes >> 20)
        let found = "/dev/shm is \(sharedMemory.type) with \(mebibytes.total) MiB, \(mebibytes.free) MiB free"
        let enlarge =
            container == nil
            ? "Enlarge it: mount -o remount,size=8G /dev/shm"
            : container == "kubernetes"
                ? "Mount an emptyDir with medium: Memory at /dev/shm in the pod."
                : "Start the container with --shm-size=8g, or with --ipc=host."
        if !sharedMemory.isWritable {
            return Finding(
                "shared-memory", .problem, "\(found), and not writable", fix: "chmod 1777 /dev/shm", .machine)
        }
        if sharedMemory.freeBytes < Self.leastSharedMemory {
            return Finding(
                "shared-memory", .problem, "\(found): too little for the ranks' exchange",
                fix: "Remove what nobody uses (ls -l /dev/shm). \(enlarge)", .machine)
        }
        if sharedMemory.totalBytes < Self.littleSharedMemory {
            return Finding("shared-memory", .warning, "\(found): little for large tensors", fix: enlarge, .machine)
        }
        guard sharedMemory.type == "tmpfs" else {
            return Finding(
                "shared-memory", .warning, "\(found): not memory, so exchange may go to a disk",
                fix: "Mount a tmpfs there: mount -t tmpfs -o size=8G tmpfs /dev/shm", .machine)
        }
        return Finding("shared-memory", .ok, found, .machine)
    }

    private var limitFindings: [Finding] {
        var findings: [Finding] = []
        let files = limits["Max open files"]
        findings.append(
            files.map { $0 < 1024 } ?? false
                ? Finding(
                    "open-files", .warning,
                    "at most \(files ?? 0) open files a process: NCCL over sockets may need more",
                    fix: "ulimit -n 65536", .machine)
                : Finding(
                    "open-files", .ok, "at most \(files.map(String.init) ?? "any number of") open files", .machine))
        if let size = limits["Max file size"] {
            findings.append(
                Finding(
                    "file-size", .problem, "files of at most \(size) bytes: that counts for shared memory too",
                    fix: "ulimit -f unlimited", .machine))
        }
        if let space = limits["Max address space"] {
            findings.append(
                Finding(
                    "address-space", .problem, "an address space of at most \(space) bytes: CUDA reserves far more",
                    fix: "ulimit -v unlimited", .machine))
        }
        let locked = limits["Max locked memory"]
        let isTight = hasInfiniBand && locked != nil
        findings.append(
            Finding(
                "locked-memory", isTight ? .warning : .ok,
                "locked memory: \(locked.map { "at most \($0 >> 10) KiB" } ?? "unlimited")"
                    + (hasInfiniBand
                        ? ", and there is InfiniBand, which locks what it transfers" : "; only InfiniBand minds"),
                fix: isTight ? "ulimit -l unlimited (docker: --ulimit memlock=-1)" : "nothing to do", .machine))
        return findings
    }

    private func cpus(_ leaves: Int) -> Finding {
        let found = "\(processors) CPUs may be used, and the node has \(leaves) leaves"
        return processors < leaves
            ? Finding(
                "cpus", .warning, "\(found): ranks will wait for CPUs",
                fix: "Give the job more CPUs (taskset, cpuset, --cpus), at least one a leaf.", .machine)
            : Finding("cpus", .ok, found, .machine)
    }

    private var containerFinding: Finding {
        guard let container else { return Finding("container", .ok, "no container was noticed", .machine) }
        return Finding(
            "container", .note,
            "this is a container (\(container)): ranks in different containers meet only where they share /dev/shm, and "
                + "the driver's devices must be passed in (for MIG, /dev/nvidia-caps too)",
            fix:
                "Run all ranks of a job in one container, or give them one /dev/shm (--ipc=host, or --ipc=container:NAME).",
            .machine)
    }

    private var tracing: Finding {
        guard let ptraceScope, ptraceScope > 0 else {
            return Finding("process-memory", .ok, "ranks may copy from each other's memory", .machine)
        }
        return Finding(
            "process-memory", .note,
            "kernel.yama.ptrace_scope is \(ptraceScope): ranks can't copy from each other's memory, so large private "
                + "tensors go through shared memory in two copies",
            fix: "sysctl kernel.yama.ptrace_scope=0, if the machine's rules allow it.", .machine)
    }
}
