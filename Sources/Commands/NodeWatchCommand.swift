import ArgumentParser
import DeviceInventory
import FoundationEssentials
import MIGModel
import Platform

struct NodeWatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Watch GPUs for faults and changes, and quarantine what is faulty.",
        discussion: """
            A line for each event: errors that the driver logs (Xid), GPUs that disappear, layouts that somebody changes.
              Xid 94 (contained)             quarantines the leaves of its instance
              Xid 79, 95 (not contained),    quarantines the GPU with all its leaves
              a GPU that is gone
              every other Xid                is only told
            Without --quarantine all are only told. Events count from the start of the command: for a node that looks after itself let a service \
            run it (packaging/systemd/flexmig-watch.service). Ctrl-C and TERM end it with exit code 0.

            EXAMPLES
              flexmig node watch
              flexmig node watch --quarantine --json
              flexmig node watch --once --timeout 10m
            """)

    @Flag(help: "Quarantine what is faulty; needs the right to write the ledger.") var quarantine = false
    @Flag(help: "End after the first event.") var once = false
    @Option(
        help: ArgumentHelp(
            "End after this time; with --once, 75 is the exit code when nothing happened.", valueName: "time"))
    var timeout: TimeAmount?
    @Option(help: ArgumentHelp("How often the node is read where no event asks for it.", valueName: "time"))
    var interval = TimeAmount(seconds: 5)
    @Flag(help: "Print JSON, one object a line.") var json = false
    @OptionGroup var node: NodeOptions

    func run() throws {
        // Before the library starts threads, which must not take the signals.
        let signals = try SignalQueue([.interrupt, .terminate])
        let access = try node.open()
        let ledger = try access.ledger()
        if quarantine, !ledger.mayChangeStandings {
            throw CommandFailure(
                CommandExit.permission,
                "only root and the owner of \(ledger.directory) may quarantine; watch without --quarantine")
        }
        var watch = try NodeWatch(
            backend: access.backend, ledger: ledger, interval: .seconds(max(0.1, interval.seconds)),
            quarantines: quarantine)
        writeToStandardError("flexmig: \(watch.beginning)")
        let end = timeout.map { ContinuousClock.now + .seconds($0.seconds) }
        while try signals.drain().isEmpty {
            if let end, ContinuousClock.now >= end {
                if once { throw ExitCode(Int32(CommandExit.temporary)) }
                return
            }
            let patience = min(.milliseconds(200), end.map { ContinuousClock.now.duration(to: $0) } ?? .seconds(1))
            guard let report = try watch.next(within: patience) else { continue }
            if json {
                print(try WatchLine(report, quarantined: quarantine).json())
            } else {
                print(report.line(quarantined: quarantine))
            }
            // Whoever reads from a pipe reads it now.
            try flushStandardOutput()
            if once { return }
        }
    }
}

extension HealthReport {
    /// One event in one line.
    fileprivate func line(quarantined: Bool) -> String {
        var line = notice.gpu.map { "GPU \($0): \(notice.words)" } ?? notice.words
        if let reach = notice.quarantines {
            let what = reach == .gpu ? "the GPU" : notice.leaves.map(\.rawValue).joined(separator: ", ")
            line += quarantined ? "; quarantined: \(what)" : "; should be quarantined: \(what)"
        }
        for holder in holders { line += "; held by \(holder.summary(now: secondsSince1970()))" }
        return line
    }
}

/// One event for programs.
private struct WatchLine: Encodable {
    struct Holder: Encodable {
        var job: String
        var user: String
        var command: String
    }
    var time: Int
    /// xid, unavailable, disappeared, appeared, layout, unreadable or other.
    var event: String
    var xid: Int?
    var gpu: Int?
    var uuid: String?
    var leaves: [String]
    var message: String
    /// "leaves" or "gpu": what is handed out no more because of it.
    var quarantined: String?
    var holders: [Holder]

    init(_ report: HealthReport, quarantined: Bool) {
        let notice = report.notice
        time = secondsSince1970()
        if case .xid(let number) = notice.kind {
            event = "xid"
            xid = number
        } else {
            event = "\(notice.kind)"
        }
        gpu = notice.gpu
        uuid = notice.uuid?.rawValue
        leaves = notice.leaves.map(\.rawValue)
        message = notice.words
        self.quarantined = quarantined ? notice.quarantines?.rawValue : nil
        holders = report.holders.map { Holder(job: $0.job.rawValue, user: $0.user, command: $0.commandForDisplay) }
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
