import Commands
import DeviceInventory
import MIGModel
import Platform
import SimulatedDriver
import Testing

/// Which exit code an error of a lower layer becomes; the text is the error's own.
struct CommandFailureTests {
    private static func device(_ kind: DeviceError.Kind) -> DeviceError { DeviceError(kind: kind, message: "no") }
    private static let notPermitted = SystemError(call: "open", code: 13, subject: "/run/flexmig")
    private static let notThere = SystemError(call: "open", code: 2, subject: "/run/flexmig")

    private static func interrupted(_ kind: DeviceError.Kind) -> LayoutInterrupted {
        LayoutInterrupted(gpu: 0, done: [], failed: "create 1g.5gb at 0:1", cause: device(kind))
    }

    static let table: [(what: String, error: any Error, code: Int)] = [
        ("no library", device(.libraryMissing), 69), ("no driver", device(.driverNotLoaded), 69),
        ("gone", device(.gone), 69), ("not permitted by the driver", device(.noPermission), 77),
        ("in use", device(.inUse), 75), ("not supported", device(.notSupported), 70), ("other", device(.other), 70),
        ("ledger not writable", LedgerError(directory: "/run", cause: notPermitted), 77),
        ("ledger broken", LedgerError(directory: "/run", cause: notThere), 70),
        ("no such layout", LayoutRefusal.migModeOff(gpu: 0, mode: .off, .unknown), 69),
        ("leaves in use", LeavesInUse(uses: []), 75),
        // A change that stops half-way stops for its cause.
        ("change not permitted", interrupted(.noPermission), 77), ("change while in use", interrupted(.inUse), 75),
        ("change that fails", interrupted(.other), 70),
        ("file not permitted", notPermitted, 77), ("file not there", notThere, 70),
        ("already a failure", CommandFailure(126, "not executable"), 126), ("anything else", Unknown(), 70),
    ]

    private struct Unknown: Error {}

    @Test(arguments: 0..<table.count)
    func exitCode(row: Int) {
        let (what, error, code) = Self.table[row]
        let failure = CommandFailure(error)
        #expect(failure.code == code, "\(what)")
        #expect(failure.description == "\(error)", "\(what)")
    }

    @Test func missingNode() throws {
        let error = try #require(throws: SimulatedNodeError.self) { try SimulatedNode(opening: "/nowhere/node") }
        #expect(CommandFailure(error).code == CommandExit.unavailable)
    }

    /// Mistakes on the command line: the usual code for them, and a word on what is wrong.
    @Test(arguments: [
        ("unknown command", ["nodes"], "nodes"),
        ("unknown flag", ["node", "list", "--jsn"], "--jsn"),
        ("two formats", ["node", "list", "--json", "--quiet"], "--json and --quiet exclude each other."),
        ("unknown layout", ["node", "flatten", "--layout", "slim"], "Known layouts: thin, full, doubles."),
        ("no layout", ["node", "flatten"], "--layout"),
        ("no leaves", ["run", "--", "true"], "--leaves"),
        ("zero leaves", ["run", "--leaves", "0", "--", "true"], "--leaves must be at least 1, not 0."),
        ("negative leaves", ["run", "--leaves", "-2", "--", "true"], "--leaves must be at least 1, not -2."),
        ("leaves in words", ["run", "--leaves", "two", "--", "true"], "two"),
        ("no command", ["run", "--leaves", "2"], "flexmig run --leaves 2 -- ./train"),
        ("command without --", ["run", "--leaves", "2", "true"], "Put it after --"),
        ("memory without unit", ["run", "--leaves", "2", "--leaf-memory", "9", "--", "true"], "leaf-memory"),
        ("time in words", ["run", "--leaves", "2", "--timeout", "soon", "--", "true"], "timeout"),
        ("unknown leaf type", ["run", "--leaves", "2", "--leaf-type", "tall", "--", "true"], "tall"),
        ("exec without command", ["exec"], "flexmig exec -- ./train"),
        ("exec without leaf", ["exec", "--", "true"], "no leaf to run on"),
        (
            "torchrun", ["run", "--leaves", "2", "--", "torchrun", "train.py"],
            "torchrun --no-python --nproc-per-node 2"
        ),
        ("unknown GPU model", ["node", "list", "--simulate", "b17:2"], "unknown GPU model \"b17\""),
    ])
    func usage(what: String, arguments: [String], words: String) throws {
        let noLeaves = ["FLEXMIG_LEAVES": "", "CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": ""]
        let (output, end) = try Flexmig.run(arguments, environment: noLeaves)
        #expect(end == .exited(code: CommandExit.usage), "\(what)")
        #expect(output.contains(words), "\(what)")
    }
}
