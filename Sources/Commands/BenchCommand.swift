import ArgumentParser

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine and what runs on it.",
        subcommands: [BenchCollectivesCommand.self, BenchRankCommand.self])
}
