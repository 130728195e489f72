import ArgumentParser
import DeviceInventory
import LayoutFiles
import Platform
import SimulatedDriver

/// The exit codes of `flexmig`. A job's own code is passed on as it is.
package enum CommandExit {
    /// The arguments make no sense.
    package static let usage = 64
    /// `node verify`: the node is not as wanted.
    static let different = 1
    /// A file that was given can't be used.
    package static let input = 65
    /// No driver, no node, or no leaves that could ever do.
    package static let unavailable = 69
    /// Something inside failed.
    package static let failure = 70
    /// What should be printed can't be written.
    static let output = 74
    /// Not enough free leaves now, or leaves in use: later it may work.
    package static let temporary = 75
    /// This user may not do that.
    package static let permission = 77
    /// The job's command is there, but can't be executed.
    package static let notExecutable = 126
    /// The job's command is not there.
    package static let notFound = 127
}

/// An error on its way to the user: one message, one exit code.
package struct CommandFailure: Error, CustomStringConvertible {
    package let code: Int
    package let description: String

    package init(_ code: Int, _ description: String) {
        self.code = code
        self.description = description
    }

    /// The exit code that an error of a lower layer stands for.
    package init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as DeviceError:
            self.init(
                [.libraryMissing, .driverNotLoaded, .gone].contains(error.kind)
                    ? CommandExit.unavailable
                    : error.kind == .noPermission
                        ? CommandExit.permission
                        : [.inUse, .changed].contains(error.kind) ? CommandExit.temporary : CommandExit.failure,
                "\(error)")
        case let error as SimulatedNodeError:
            if case .system(let cause) = error.reason, cause.isPermission {
                self.init(CommandExit.permission, "\(error)")
            } else {
                self.init(CommandExit.unavailable, "\(error)")
            }
        case let error as LedgerError:
            self.init(error.cause.isPermission ? CommandExit.permission : CommandExit.failure, "\(error)")
        case let error as LayoutFileError:
            self.init(error.cause?.isPermission == true ? CommandExit.permission : CommandExit.input, "\(error)")
        case let error as WantedNodeError: self.init(CommandExit.input, "\(error)")
        case LayoutRefusal.notOurs: self.init(CommandExit.temporary, "\(error)")
        case let error as LayoutRefusal: self.init(CommandExit.unavailable, "\(error)")
        case let error as LeafIsHeld: self.init(CommandExit.temporary, "\(error)")
        case let error as StandingsProblem: self.init(CommandExit.failure, "\(error)")
        case let error as LeavesInUse: self.init(CommandExit.temporary, "\(error)")
        case let error as LayoutInterrupted: self.init(CommandFailure(error.cause).code, "\(error)")
        case let error as SystemError where error.isPermission: self.init(CommandExit.permission, "\(error)")
        default: self.init(CommandExit.failure, "\(error)")
        }
    }
}

/// Runs `flexmig` with this process's arguments.
public func runFlexmig() -> Never {
    openStandardDescriptors()
    do {
        var command = try parsed(Array(Environment.arguments().dropFirst()))
        do {
            try command.run()
        } catch let error where isParserError(error) {
            throw error
        } catch {
            let failure = CommandFailure(error)
            writeToStandardError("flexmig: \(failure)")
            leave(with: failure.code)
        }
    } catch {
        FlexmigCommand.exit(withError: error)
    }
    do throws(SystemError) {
        try flushStandardOutput()
    } catch {
        writeToStandardError("flexmig: \(error)")
        leave(with: CommandExit.output)
    }
    leave(with: 0)
}

private func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    do {
        return try FlexmigCommand.parseAsRoot(arguments)
    } catch {
        let message = FlexmigCommand.fullMessage(for: error)
        guard let tied = tyingNegativeValue(in: arguments, after: message) else { throw error }
        return try parsed(tied)
    }
}

/// Help, version and usage errors are the parser's to print.
private func isParserError(_ error: any Error) -> Bool {
    error is ExitCode || error is ValidationError || error is CleanExit
        || FlexmigCommand.exitCode(for: error) != ExitCode.failure
}
