import Glibc
import Platform

/// Where the ranks of a job meet, and which of them this process is.
public struct Rendezvous: Hashable, Sendable {
    /// What the names of the job's shared-memory segments start with, such as "flexmig-17-5d0c". The same on all
    /// ranks, different for every two jobs that run at the same time on a node.
    public var prefix: String
    /// This process's number, 0 to `worldSize` - 1.
    public var rank: Int
    /// Number of processes, 1 to 1024, all on this node.
    public var worldSize: Int
    /// How long a rank waits for the others: to join, counted from its own start, and in every collective.
    public var timeout: Duration
    /// How soon the death of a rank is an error on all others.
    public var deathTimeout = Duration.seconds(1)
    /// What is told on the standard error.
    package var log = CollectiveLog()
    /// Bytes that a rank stages in one step, where /dev/shm has the room; nil for what suits the number of ranks. Rank
    /// 0's counts for all.
    package var stageBytes: Int?
    /// Message parts that a rank can have under way, where /dev/shm has the room; nil for the usual. Rank 0's counts.
    package var messageSlots: Int?

    static let worldSizes = 1...1024
    /// File names may have 255 bytes; the segment's number needs some of them.
    package static let longestPrefix = 200

    /// A rendezvous by its parts, as a launcher written in Swift would make it.
    ///
    /// - Precondition: the ranges above hold, and `prefix` consists of 1 to 200 letters, digits, ".", "_", "-" and
    ///   does not start with a ".".
    public init(prefix: String, rank: Int, worldSize: Int, timeout: Duration = .seconds(300)) {
        precondition(Self.worldSizes.contains(worldSize) && (0..<worldSize).contains(rank))
        precondition(Self.isPrefix(prefix))
        self.prefix = prefix
        self.rank = rank
        self.worldSize = worldSize
        self.timeout = timeout
    }
}

extension Rendezvous {
    /// Reads the rendezvous from environment variables. Looks at nothing else, so it is the same for the same
    /// variables and user.
    ///
    /// - `RANK` and `WORLD_SIZE`: both or neither. Without them the process is the only rank; an error where
    ///   `FLEXMIG_RENDEZVOUS` is set, or mpirun or srun has started several processes.
    /// - `FLEXMIG_RENDEZVOUS`: the prefix; `flexmig run` sets it. Without it the prefix is made of the user's number
    ///   and `FLEXMIG_JOB_ID`, else `MASTER_ADDR` and `MASTER_PORT`, so that programs started by torchrun meet as well,
    ///   and under mpirun and srun those started by `flexmig exec`. A job of one rank needs none of these.
    /// - `FLEXMIG_TIMEOUT`: seconds to wait for the other ranks, 0.1 to 86400; 300 by default.
    /// - `FLEXMIG_DEATH_TIMEOUT`: seconds from a rank's death to the error on the others, 0.05 to 3600; 1 by default.
    /// - `FLEXMIG_STAGE_BYTES`: bytes that a rank stages in one step, 4096 to 268435456; 512 KiB for each
    ///   rank by default, at most 4 MiB.
    /// - `FLEXMIG_DEBUG`: `info` tells how the communicator was made, its errors, and its statistics when it is
    ///   closed; `trace` every call as well. On the standard error.
    ///
    /// An empty value counts as unset.
    ///
    /// - Throws: `invalidEnvironment`, naming the variable, its value and what is allowed.
    public init(environment: [String: String]) throws(CollectiveError) {
        try self.init(environment: environment, user: getuid())
    }

    package init(environment: [String: String], user: UInt32) throws(CollectiveError) {
        let variables = environment.filter { !$0.value.isEmpty }
        timeout = try Self.seconds("FLEXMIG_TIMEOUT", variables["FLEXMIG_TIMEOUT"], in: 0.1...86400, else: 300)
        deathTimeout = try Self.seconds(
            "FLEXMIG_DEATH_TIMEOUT", variables["FLEXMIG_DEATH_TIMEOUT"], in: 0.05...3600, else: 1)
        log = try Self.log(variables["FLEXMIG_DEBUG"])
        try Self.checkSettings(variables)
        if let text = variables["FLEXMIG_STAGE_BYTES"] {
            stageBytes = RegionLayout.rounded(try Self.integer("FLEXMIG_STAGE_BYTES", text, in: 4096...1 << 28))
        }
        switch (variables["RANK"], variables["WORLD_SIZE"]) {
        case (nil, nil):
            try Self.checkAlone(variables)
            (rank, worldSize) = (0, 1)
        case (let rank?, let size?):
            worldSize = try Self.integer("WORLD_SIZE", size, in: Self.worldSizes)
            self.rank = try Self.integer("RANK", rank, in: 0...worldSize - 1, note: " (WORLD_SIZE is \(worldSize))")
        case (nil, _?):
            throw CollectiveError(.invalidEnvironment, "RANK is not set, but WORLD_SIZE is; set both or neither")
        case (_?, nil):
            throw CollectiveError(.invalidEnvironment, "WORLD_SIZE is not set, but RANK is; set both or neither")
        }
        prefix = try Self.prefix(variables, user: user, isAlone: worldSize == 1)
    }

    /// A process without a rank is alone, unless something says that it is not: then each would take itself for all.
    private static func checkAlone(_ variables: [String: String]) throws(CollectiveError) {
        for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
            guard let size = variables[name].flatMap({ Int($0) }), size > 1 else { continue }
            throw CollectiveError(
                .invalidEnvironment,
                "RANK is not set, but \(name) is \(size); start each process with: flexmig exec -- PROGRAM")
        }
        if let place = variables["FLEXMIG_RENDEZVOUS"] {
            throw CollectiveError(
                .invalidEnvironment,
                "RANK and WORLD_SIZE are not set, but FLEXMIG_RENDEZVOUS is \"\(place)\"; set all three or none")
        }
    }

    /// Settings that are read where they are used, once a process.
    private static func checkSettings(_ variables: [String: String]) throws(CollectiveError) {
        let allowed = [
            "FLEXMIG_SINGLE_COPY": ["auto", "on", "off"], "FLEXMIG_VECTOR": ["baseline", "avx2", "avx512"],
        ]
        for (name, values) in allowed.sorted(by: { $0.key < $1.key }) {
            guard let value = variables[name], !values.contains(value) else { continue }
            throw CollectiveError(
                .invalidEnvironment,
                "\(name) is \"\(value)\"; allowed are \(values.joined(separator: ", "))")
        }
    }

    private static func prefix(
        _ variables: [String: String], user: UInt32, isAlone: Bool
    ) throws(CollectiveError) -> String {
        if let given = variables["FLEXMIG_RENDEZVOUS"] {
            guard isPrefix(given) else {
                throw CollectiveError(
                    .invalidEnvironment,
                    "FLEXMIG_RENDEZVOUS is \"\(given)\"; allowed are 1 to \(longestPrefix) of the characters "
                        + "A-Z a-z 0-9 . _ - and no \".\" at the start")
            }
            return given
        }
        if let job = variables["FLEXMIG_JOB_ID"] { return derivedPrefix("\(user)-job-\(job)") }
        if let port = variables["MASTER_PORT"] {
            let address = variables["MASTER_ADDR"] ?? "localhost"
            return derivedPrefix("\(user)-\(address)-\(try integer("MASTER_PORT", port, in: 1...65535))")
        }
        if isAlone { return derivedPrefix("\(user)-alone") }
        throw CollectiveError(
            .invalidEnvironment,
            "FLEXMIG_RENDEZVOUS is not set, so the ranks have no place to meet; start the program with flexmig run, "
                + "or give all ranks the same FLEXMIG_RENDEZVOUS, FLEXMIG_JOB_ID or MASTER_PORT")
    }

    /// A legal prefix out of any text: other characters become "_", and only the end of a long text is kept.
    private static func derivedPrefix(_ text: String) -> String {
        "flexmig-" + String(text.map { isNameCharacter($0) ? $0 : "_" }.suffix(longestPrefix - 8))
    }

    package static func isPrefix(_ text: String) -> Bool {
        (1...longestPrefix).contains(text.count) && text.allSatisfy(isNameCharacter) && !text.hasPrefix(".")
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }

    private static func integer(
        _ name: String, _ text: String, in range: ClosedRange<Int>, note: String = ""
    ) throws(CollectiveError) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw CollectiveError(
                .invalidEnvironment,
                "\(name) is \"\(text)\"; allowed is an integer from \(range.lowerBound) to \(range.upperBound)\(note)")
        }
        return value
    }

    private static func seconds(
        _ name: String, _ text: String?, in range: ClosedRange<Double>, else standard: Int
    ) throws(CollectiveError) -> Duration {
        guard let text else { return .seconds(standard) }
        guard let seconds = Double(text), range.contains(seconds) else {
            throw CollectiveError(
                .invalidEnvironment,
                "\(name) is \"\(text)\"; allowed are \(short(range.lowerBound)) to \(short(range.upperBound)) seconds")
        }
        return .seconds(seconds)
    }

    private static func short(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }

    private static func log(_ text: String?) throws(CollectiveError) -> CollectiveLog {
        switch text {
        case nil, "off", "OFF": return CollectiveLog()
        case "info", "INFO": return CollectiveLog(.info)
        case "trace", "TRACE": return CollectiveLog(.trace)
        case let other?:
            throw CollectiveError(
                .invalidEnvironment, "FLEXMIG_DEBUG is \"\(other)\"; allowed are off, info and trace")
        }
    }
}
