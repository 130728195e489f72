import ArgumentParser
import CollectiveBenchmark

/// Started by `flexmig bench collectives`; the protocol is in Benchmarks/Peers/README.md.
struct BenchRankCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rank", abstract: "Be one rank of a benchmark.", shouldDisplay: false)

    @Option(help: "What the ranks do: private, tensor or copy.")
    var role: BenchmarkRank.Role = .private
    @Argument(help: "The directory with the FIFOs.") var directory: String

    func run() throws { try BenchmarkRank.serve(directory, role) }
}

extension BenchmarkRank.Role: ExpressibleByArgument {}
