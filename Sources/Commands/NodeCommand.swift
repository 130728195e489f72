import ArgumentParser

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Look at this node's GPUs and leaves, cut them, say whose they are.",
        subcommands: [
            NodeListCommand.self, NodeShowCommand.self, NodeFlattenCommand.self, NodePlanCommand.self,
            NodeApplyCommand.self, NodeVerifyCommand.self, NodeExportCommand.self, NodeAssignCommand.self,
            NodeQuarantineCommand.self, NodeRestoreCommand.self, NodeWatchCommand.self, NodeFaultCommand.self,
            NodeConformanceCommand.self,
        ])
}
