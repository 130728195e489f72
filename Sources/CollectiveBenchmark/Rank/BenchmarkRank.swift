import Collectives
import Platform

/// One rank of a contender of ours: what `flexmig bench rank` is.
public enum BenchmarkRank {
    /// What the ranks of a contender do.
    public enum Role: String, CaseIterable, Sendable {
        /// Collectives on private memory.
        case `private`
        /// Collectives on tensors that all ranks reach.
        case tensor
        /// Copies, for the limit that others are compared with.
        case copy
    }

    /// Serves `command.RANK` of a directory until `quit` or its end.
    ///
    /// - Parameter environment: has the rendezvous.
    /// - Throws: `CollectiveError`, `SystemError`; then all ranks have to be ended.
    public static func serve(
        _ directory: String, _ role: Role, environment: [String: String] = Environment.all()
    ) throws {
        try dieWithParent(.kill)
        let rendezvous = try Rendezvous(environment: environment)
        let (rank, ranks) = (rendezvous.rank, rendezvous.worldSize)
        try pin(rank, ranks, environment)
        var line = try StartLine("\(directory)/startline", rank: rank, ranks: ranks)
        let commands = try Descriptor.open("\(directory)/command.\(rank)", .readOnly)
        let results = try Descriptor.open("\(directory)/result.\(rank)", .writeOnly)
        let communicator = role == .copy ? nil : try Communicator(rendezvous)
        var pending: [UInt8] = []
        while let text = try nextLine(commands, &pending), text != "quit" {
            let answer = try answer(text, role, communicator, rank: rank, ranks: ranks, &line)
            try results.write(Array((answer.line + "\n").utf8))
        }
        communicator?.close()
    }

    /// Rank i's thread stays on the i-th CPU that it may use, where there are as many.
    private static func pin(_ rank: Int, _ ranks: Int, _ environment: [String: String]) throws(SystemError) {
        if environment["FLEXMIG_BENCH_PIN"] == "0" || ranks > onlineProcessors() { return }
        let allowed = try Affinity.allowed()
        if ranks <= allowed.count { try Affinity.pin(to: allowed[rank]) }
    }

    /// The next line; nil at the end. Sleeps in read(2).
    private static func nextLine(_ file: borrowing Descriptor, _ pending: inout [UInt8]) throws(SystemError) -> String?
    {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                return line
            }
            guard let bytes = try file.read(upTo: 512) else { return nil }
            pending += bytes
        }
    }

    private static func answer(
        _ text: String, _ role: Role, _ communicator: Communicator?, rank: Int, ranks: Int, _ line: inout StartLine
    ) throws -> MeasureAnswer {
        let command: MeasureCommand
        do throws(MeasureCommand.Problem) {
            command = try MeasureCommand(line: text)
        } catch {
            return .error(error.text)
        }
        let shape: OperationShape
        switch (command.task, role) {
        case (.collective(let operation), .private), (.collective(let operation), .tensor):
            shape = OperationShape(operation, command.type, bytes: command.bytes, rank: rank, ranks: ranks)
        case (.copy, .copy), (.streamingCopy, .copy):
            // A copy is what a message to itself is: one tensor in, one out.
            shape = OperationShape(.sendrecv, .uint8, bytes: command.bytes, rank: 0, ranks: 1)
        default: return .unsupported
        }
        let tensors: RankTensors
        do {
            tensors = try RankTensors(shape, role == .tensor ? .tensor : .private, communicator)
        } catch let error as CollectiveError where error.code == .outOfSharedMemory {
            // All ranks have agreed on it, so that they can go on.
            return .error("\(error)")
        }
        var turn = RankTurn(command, tensors, communicator)
        return try turn.run(&line)
    }
}
