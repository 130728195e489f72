import ArgumentParser
import Diagnosis
import Runtimes

/// Started by `flexmig doctor` and by the search for NCCL: what may fail, in processes of its own.
struct SelfTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test", abstract: "Be one process of a self-test.", shouldDisplay: false,
        subcommands: [Engine.self, Plugin.self, NCCL.self])

    struct Engine: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Be one of two ranks that reduce.")
        func run() throws { try EngineTrial.run() }
    }

    struct Plugin: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Be one of two ranks that send through a plugin.")
        @Argument(help: "The plugin.") var path: String
        @Argument(help: "Where the ranks meet.") var directory: String
        func run() throws { try PluginTrial.run(plugin: path, in: directory) }
    }

    struct NCCL: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "nccl", abstract: "Load a libnccl and print its version.")
        @Argument(help: "The library.") var path: String
        func run() throws { print(try NCCLProbe.versionByLoading(path)) }
    }
}
