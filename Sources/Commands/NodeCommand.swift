import ArgumentParser

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Look at this node's GPUs and leaves, and flatten them.",
        subcommands: [NodeListCommand.self, NodeShowCommand.self, NodeFlattenCommand.self, NodeFaultCommand.self,
            NodeConformanceCommand.self,
        ])
}
