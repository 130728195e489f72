import DeviceInventory

/// Which rank a process is, and which leaf it computes on: all that `flexmig exec` decides, as a value.
public struct RankBinding: Hashable, Sendable {
    /// Who started the ranks.
    public enum Origin: String, Hashable, Sendable {
        case flexmig = "flexmig run"
        case torchrun
        case openMPI = "Open MPI's mpirun"
        case hydra = "MPICH's or Intel MPI's mpirun"
        case slurm = "srun"
        /// Nobody: a single process with a single leaf.
        case alone = "no launcher"
    }

    public let origin: Origin
    public let job: String
    public let rank: Int
    public let worldSize: Int
    /// Among the ranks of this node.
    public let localRank: Int
    public let localWorldSize: Int
    /// The MIG device's UUID.
    public let leaf: String
    /// 0 to 1.
    public let share: Double
    public let rendezvous: String
    public let masterAddress: String
    public let masterPort: Int
}

/// Why a process can't be bound to a leaf.
public struct RankBindingError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

extension RankBinding {
    /// Finds the process's rank and leaf in its environment.
    ///
    /// Looks for `flexmig run`, torchrun, Open MPI, MPICH or Intel MPI, and Slurm, in this order: an `mpirun` inside a
    /// Slurm job numbers its ranks itself. Leaves come from `FLEXMIG_LEAVES`, or else from the MIG devices that
    /// `CUDA_VISIBLE_DEVICES` or `NVIDIA_VISIBLE_DEVICES` name.
    /// - Parameter user: the number of the user, part of names that all ranks must agree on.
    public init(environment: [String: String], user: UInt32) throws(RankBindingError) {
        let variables = Variables(environment)
        let place = try RankPlace(variables)
        let leaves = try Self.leaves(variables)
        guard place.localRank < leaves.list.count else {
            throw RankBindingError(
                """
                this is local rank \(place.localRank) of \(place.localWorldSize) (by \(place.origin.rawValue)), but \
                \(leaves.source) names \(leaves.list.count) \(leaves.list.count == 1 ? "leaf" : "leaves")
                Start as many ranks on this node as the job has leaves here.
                """)
        }
        origin = place.origin
        rank = place.rank
        worldSize = place.worldSize
        localRank = place.localRank
        localWorldSize = place.localWorldSize
        leaf = leaves.list[place.localRank]
        share = try Self.share(variables, place)
        let name = variables.text("FLEXMIG_JOB_ID") ?? Self.jobName(place, on: leaves.list)
        job = name
        rendezvous = variables.text(RankVariable.rendezvous) ?? "flexmig-\(sanitized(name))-\(user)"
        masterAddress = variables.text("MASTER_ADDR") ?? "127.0.0.1"
        // Below 32768, from where on the kernel gives ports to whoever asks for any.
        masterPort = try variables.number("MASTER_PORT", in: 1...65535) ?? 20000 + Int(stableHash(name) % 12000)
    }

    /// The environment of the program: the given one and what binds it to its leaf.
    public func environment(
        adding base: [String: String], localRankStyle: LocalRankStyle
    ) -> [String: String] {
        var variables = base
        variables["CUDA_VISIBLE_DEVICES"] = leaf
        variables["RANK"] = String(rank)
        variables["WORLD_SIZE"] = String(worldSize)
        variables["LOCAL_RANK"] = localRankStyle == .device ? "0" : String(localRank)
        variables["LOCAL_WORLD_SIZE"] = localRankStyle == .device ? "1" : String(localWorldSize)
        variables["MASTER_ADDR"] = masterAddress
        variables["MASTER_PORT"] = String(masterPort)
        variables["FLEXMIG_JOB_ID"] = job
        variables[RankVariable.leaf] = leaf
        variables[RankVariable.localRank] = String(localRank)
        variables[RankVariable.localWorldSize] = String(localWorldSize)
        variables[RankVariable.share] = decimal(share)
        variables[RankVariable.rendezvous] = rendezvous
        variables[RankVariable.supervisor] = nil
        return variables
    }

    /// A name that all ranks of the job agree on.
    ///
    /// Hydra gives its jobs none, and a lone process has nobody to name its job. Where all ranks are on this node, the
    /// leaves stand for the job, because no other has them; over several nodes the ranks see different leaves.
    private static func jobName(_ place: RankPlace, on leaves: [String]) -> String {
        guard [.hydra, .alone].contains(place.origin), place.localWorldSize == place.worldSize else { return place.job }
        return "\(place.job)-\(String(stableHash(leaves.joined(separator: ",")), radix: 16))"
    }

    private static func leaves(_ variables: Variables) throws(RankBindingError) -> (list: [String], source: String) {
        for name in [RankVariable.leaves, "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"] {
            let list = variables.list(name).filter { $0.hasPrefix("MIG-") }
            if !list.isEmpty { return (list, name) }
        }
        // In a container that got several leaves by CDI, each leaf has a variable of its own, in the order of ranks.
        let each = variables.all(withPrefix: CDISpec.leafVariablePrefix).filter { $0.hasPrefix("MIG-") }
        if !each.isEmpty { return (each, "\(CDISpec.leafVariablePrefix)...") }
        throw RankBindingError(
            """
            no leaf to run on: none of FLEXMIG_LEAVES, CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES names a MIG \
            device (MIG-...)
            Start the job with: flexmig run --leaves N -- COMMAND
            """)
    }

    private static func share(_ variables: Variables, _ place: RankPlace) throws(RankBindingError) -> Double {
        let shares = variables.list(RankVariable.shares)
        if shares.isEmpty { return 1 / Double(place.worldSize) }
        guard place.localRank < shares.count, let share = Double(shares[place.localRank]), (0...1).contains(share)
        else {
            throw RankBindingError(
                "\(RankVariable.shares) is \"\(shares.joined(separator: ","))\": it needs a number from 0 to 1 for each local rank"
            )
        }
        return share
    }
}

/// A rank's place in the job, as its launcher numbers it.
private struct RankPlace {
    let origin: RankBinding.Origin
    let job: String
    let rank: Int
    let worldSize: Int
    let localRank: Int
    let localWorldSize: Int

    init(_ variables: Variables) throws(RankBindingError) {
        func place(
            _ origin: RankBinding.Origin, job: String, rank: String, worldSize: String, localRank: String?,
            localWorldSize: Int?
        ) throws(RankBindingError) -> RankPlace {
            let size = try variables.required(worldSize, in: 1...1_000_000, origin)
            let rank = try variables.required(rank, in: 0...size - 1, origin)
            let local = try localRank.map { name throws(RankBindingError) in
                try variables.required(name, in: 0...size - 1, origin)
            }
            let localSize = localWorldSize ?? size
            guard local ?? rank < localSize, localSize <= size else {
                throw RankBindingError(
                    "local rank \(local ?? rank) of \(localSize), of \(size) ranks in all: these variables of "
                        + "\(origin.rawValue) contradict each other")
            }
            return RankPlace(
                origin: origin, job: sanitized(job), rank: rank, worldSize: size, localRank: local ?? rank,
                localWorldSize: localSize)
        }
        if variables.has(RankVariable.rank) {
            // `flexmig run` serves one node: the rank on the node is the rank.
            self = try place(
                .flexmig, job: "job", rank: RankVariable.rank, worldSize: RankVariable.worldSize, localRank: nil,
                localWorldSize: nil)
        } else if variables.has("TORCHELASTIC_RUN_ID") {
            self = try place(
                .torchrun, job: "torchrun-\(variables["TORCHELASTIC_RUN_ID"])-\(variables["MASTER_PORT"])",
                rank: "RANK",
                worldSize: "WORLD_SIZE", localRank: "LOCAL_RANK",
                localWorldSize: try variables.number("LOCAL_WORLD_SIZE", in: 1...1_000_000))
        } else if variables.has("OMPI_COMM_WORLD_RANK") {
            self = try place(
                .openMPI, job: "mpi-\(variables["PMIX_NAMESPACE"])\(variables["OMPI_MCA_ess_base_jobid"])",
                rank: "OMPI_COMM_WORLD_RANK", worldSize: "OMPI_COMM_WORLD_SIZE",
                localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
                localWorldSize: try variables.number("OMPI_COMM_WORLD_LOCAL_SIZE", in: 1...1_000_000))
        } else if variables.has("MPI_LOCALRANKID"), variables.has("PMI_RANK") {
            let batchJob = variables.text("SLURM_JOB_ID") ?? variables.text("PBS_JOBID") ?? variables["LSB_JOBID"]
            self = try place(
                .hydra, job: "mpi-\(batchJob)", rank: "PMI_RANK", worldSize: "PMI_SIZE", localRank: "MPI_LOCALRANKID",
                localWorldSize: try variables.number("MPI_LOCALNRANKS", in: 1...1_000_000))
        } else if variables.has("SLURM_PROCID"), variables.has("SLURM_NTASKS") {
            self = try place(
                .slurm, job: "slurm-\(variables["SLURM_JOB_ID"]).\(variables["SLURM_STEP_ID"])", rank: "SLURM_PROCID",
                worldSize: "SLURM_NTASKS", localRank: "SLURM_LOCALID",
                localWorldSize: try slurmLocalSize(variables))
        } else {
            self = RankPlace(
                origin: .alone, job: "alone", rank: 0, worldSize: 1, localRank: 0, localWorldSize: 1)
        }
    }

    private init(
        origin: RankBinding.Origin, job: String, rank: Int, worldSize: Int, localRank: Int, localWorldSize: Int
    ) {
        self.origin = origin
        self.job = job
        self.rank = rank
        self.worldSize = worldSize
        self.localRank = localRank
        self.localWorldSize = localWorldSize
    }
}

/// The tasks of this node from Slurm's compressed list, such as "4(x2),3".
private func slurmLocalSize(_ variables: Variables) throws(RankBindingError) -> Int? {
    let text = variables["SLURM_STEP_TASKS_PER_NODE"]
    guard !text.isEmpty, let node = try variables.number("SLURM_NODEID", in: 0...100_000) else { return nil }
    var next = 0
    for part in text.split(separator: ",") {
        let pieces = part.split { $0 == "(" || $0 == "x" || $0 == ")" }
        guard let tasks = pieces.first.flatMap({ Int($0) }) else { return nil }
        next += pieces.count > 1 ? Int(pieces[1]) ?? 1 : 1
        if node < next { return tasks }
    }
    return nil
}

/// Letters, digits, points and dashes only, so that a name can be a file's.
private func sanitized(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") ? $0 : "-" })
}

/// The same number for the same text in every process (FNV-1a).
private func stableHash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

/// An environment read with checks.
private struct Variables {
    private let values: [String: String]
    init(_ values: [String: String]) { self.values = values }

    func has(_ name: String) -> Bool { values[name]?.isEmpty == false }
    subscript(_ name: String) -> String { values[name] ?? "" }
    /// A variable's text; nil when it is unset or empty.
    func text(_ name: String) -> String? { has(name) ? values[name] : nil }
    /// The values of all variables whose names begin so, sorted by name.
    func all(withPrefix prefix: String) -> [String] {
        values.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map(\.value)
    }
    func list(_ name: String) -> [String] { self[name].split(separator: ",").map(String.init) }

    /// A variable's number; nil when it is unset.
    func number(_ name: String, in range: ClosedRange<Int>) throws(RankBindingError) -> Int? {
        guard has(name) else { return nil }
        guard let number = Int(self[name]), range.contains(number) else {
            throw RankBindingError(
                "\(name) is \"\(self[name])\": it needs a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func required(
        _ name: String, in range: ClosedRange<Int>, _ origin: RankBinding.Origin
    ) throws(RankBindingError) -> Int {
        guard let number = try number(name, in: range) else {
            throw RankBindingError("\(name) is not set, though the other variables of \(origin.rawValue) are")
        }
        return number
    }
}
