import ArgumentParser

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Look at this node's GPUs and leaves, and cut them.",
        subcommands: [
            NodeListCommand.self, NodeShowCommand.self, NodeFlattenCommand.self, NodePlanCommand.self,
            NodeApplyCommand.self, NodeVerifyCommand.self, NodeExportCommand.self, NodeFaultCommand.self,
        ])
}
