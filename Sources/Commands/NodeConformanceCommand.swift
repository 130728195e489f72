import ArgumentParser
import BackendConformance
import DeviceInventory
import Platform

/// Asks a node's driver whether it keeps what the rest of this project relies on: for developers and scripts/gpu-check.
struct NodeConformanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance", abstract: "Check a driver against the rules that this project relies on.",
        discussion: """
            Looks only, unless FLEXMIG_CONFORMANCE_WRITE=1 is set: then instances are created and destroyed on the first \
            GPU that has MIG mode on and no instances.

            EXIT CODES
              0  no rule is broken
              1  at least one is
            """,
        shouldDisplay: false)

    @OptionGroup var node: NodeOptions
    @Flag(help: "Print JSON.") var json = false

    private struct Row: Encodable {
        var rule: String
        var part: String
        var says: String
        /// held, broken or not checked
        var verdict: String
        var seen: String?
    }
    private struct Report: Encodable {
        var driver: String
        var evidence: String
        var writing: Bool
        var rules: [Row]
    }

    func run() throws {
        let access = try node.open()
        let isWriting = Environment.value("FLEXMIG_CONFORMANCE_WRITE") == "1"
        let rules = ConformanceRule.all.filter { isWriting || $0.part == .reading }
        let rows = rules.map { rule in
            let (word, seen): (String, String?) =
                switch rule.verdict(on: access.backend) {
                case .held: ("held", nil)
                case .broken(let what): ("broken", what)
                case .notChecked(let why): ("not checked", why)
                }
            return Row(rule: rule.id, part: rule.part.rawValue, says: rule.says, verdict: word, seen: seen)
        }
        let driver = access.backend.driver
        if json {
            try printJSON(
                Report(driver: driver.version, evidence: driver.grade, writing: isWriting, rules: rows))
        } else {
            print("driver \(driver.version) (\(driver.grade))")
            for row in rows { print("[\(row.verdict)] \(row.rule): \(row.seen ?? row.says)") }
        }
        if rows.contains(where: { $0.verdict == "broken" }) { throw ExitCode(1) }
    }
}
