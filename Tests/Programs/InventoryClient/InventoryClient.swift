// inventory-client STATE_DIRECTORY
//
// Another process at a node's ledger and layouts: carries out the commands on its standard input, one a line, and
// answers each with a line. Words are separated by single spaces; a line feed within an answer is written " / ".
// Errors are answered "error TYPE TEXT".

import DeviceInventory
import Glibc
import Launcher
import MIGModel
import Platform

@main struct InventoryClient {
    let stateDirectory: String
    var ledger: Ledger?
    var backend: NVMLBackend?

    static func main() {
        var client = InventoryClient(stateDirectory: CommandLine.arguments[1])
        while let line = readLine() {
            do {
                try client.carryOut(line.split(separator: " ").map(String.init))
            } catch {
                say("error \(type(of: error)) \(error)")
            }
        }
    }

    static func say(_ line: String) {
        print(line.replacing("\n", with: " / "))
        try? flushStandardOutput()
    }

    mutating func carryOut(_ words: [String]) throws {
        let leaves = words.filter { $0.hasPrefix("MIG-") }.map(MIGDeviceUUID.init(rawValue:))
        switch words.first {
        case "open":  // "done"
            _ = try openLedger()
            Self.say("done")
        case "user":  // NUMBER: becomes that user; "done"
            Self.say(setuid(uid_t(words[1]) ?? 0) == 0 ? "done" : "refused")
        case "take":  // JOB LEAF...: "taken", or "busy LEAF..." when not all of them are free
            try take(JobID(rawValue: words[1]), leaves)
        case "join":  // LEAF...: "joined"
            try openLedger().join(leaves)
            Self.say("joined")
        case "release":  // launcher|supervisor wipe|keep LEAF...: "released"
            for leaf in leaves {
                try openLedger().release(
                    leaf, as: words[1] == "launcher" ? .launcher : .supervisor, wiping: words[2] == "wipe")
            }
            Self.say("released")
        case "state":  // LEAF: "free", "held JOB", "held ?" or "orphaned JOB"
            Self.say(try openLedger().state(of: leaves[0]).words)
        case "orphans":  // JOB LEAF...: the leaves that were taken over
            let taken = try openLedger().takeOrphans(of: JobID(rawValue: words[1]), among: leaves)
            Self.say((["orphans"] + taken.map(\.rawValue)).joined(separator: " "))
        case "race":  // TIMES COUNT DIRECTORY LEAF...: has so many leaves so often; "raced N", N as one was shared
            try race(times: Int(words[1]) ?? 0, count: Int(words[2]) ?? 1, marks: words[3], leaves)
        case "churn":  // LEAF: "churning", then takes and releases the leaf until the next line; "churned"
            try churn(leaves[0])
        case "critical":  // "in", and "out" after the next line
            try openLedger().critical {
                Self.say("in")
                _ = readLine()
            }
            Self.say("out")
        case "cleanup":  // "cleaned": what killed jobs and changes left behind is taken away
            let nvml = try openBackend()
            let leaves = try nvml.inventory().leaves.map(\.uuid)
            try OrphanedJobs(backend: nvml, ledger: try openLedger()).cleanUp(leaves, say: { _ in })
            Self.say("cleaned")
        case "measure":  // MODEL TIMES: how long planning takes
            guard let model = GPUModel.named(words[1]) else { return Self.say("unknown model") }
            Self.say(try PlanningTime.measure(model, times: Int(words[2]) ?? 1))
        case "flatten":  // LAYOUT [dry-run] [gpu=N] [fail=N] [half]: "progress TEXT"..., then "flattened STEPS KEPT"
            try flatten(words)
        default:
            Self.say("unknown command")
        }
    }

    mutating func openLedger() throws -> Ledger {
        let open = try ledger ?? Ledger(stateDirectory: stateDirectory)
        ledger = open
        return open
    }

    mutating func openBackend() throws -> NVMLBackend {
        let library = "\(try Files.executableDirectory())/libflexmig-simulated-nvml.so"
        let open = try backend ?? NVMLBackend(library: library)
        backend = open
        return open
    }

    private mutating func take(_ job: JobID, _ leaves: [MIGDeviceUUID]) throws {
        var busy: [MIGDeviceUUID] = []
        let record = try openLedger().take(from: leaves) { states in
            busy = leaves.filter { states[$0] != .free }
            return busy.isEmpty ? LeaseRecord(job: job, leaves) : nil
        }
        Self.say(record == nil ? (["busy"] + busy.map(\.rawValue)).joined(separator: " ") : "taken")
    }

    /// Proves by files that only one process can make at a time what the ledger only says.
    private mutating func race(times: Int, count: Int, marks: String, _ leaves: [MIGDeviceUUID]) throws {
        let ledger = try openLedger()
        var (had, shared) = (0, 0)
        while had < times {
            let record = try ledger.take(from: leaves) { states in
                let free = leaves.filter { states[$0] == .free }.shuffled()
                return free.count < count ? nil : LeaseRecord(job: .make(), Array(free.prefix(count)))
            }
            guard let record else { continue }
            had += 1
            for leaf in record.leaves {
                do throws(SystemError) {
                    _ = try Descriptor.open("\(marks)/\(leaf)", [.writeOnly, .create, .exclusive])
                } catch {
                    if !error.isAlreadyThere { throw error }
                    shared += 1
                }
            }
            for leaf in record.leaves {
                try Files.remove("\(marks)/\(leaf)")
                try ledger.release(leaf, as: .launcher, wiping: true)
            }
        }
        Self.say("raced \(shared)")
    }

    private mutating func churn(_ leaf: MIGDeviceUUID) throws {
        let ledger = try openLedger()
        Self.say("churning")
        while try poll([(0, .readable)], timeout: .zero)[0].isEmpty {
            try ledger.take(from: [leaf]) { _ in LeaseRecord(job: .make(), [leaf]) }
            try ledger.release(leaf, as: .launcher, wiping: true)
        }
        _ = readLine()
        Self.say("churned")
    }

    private mutating func flatten(_ words: [String]) throws {
        func number(_ name: String) -> Int? {
            words.first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        }
        guard let layout = LayoutName(rawValue: words[1]) else { return Self.say("unknown layout") }
        let nvml = try openBackend()
        let failing = FailingBackend(
            backend: nvml, failsAt: number("fail"), destroysHalf: words.contains("half"), node: stateDirectory)
        let gpu = number("gpu")
        let change = LayoutChange(
            backend: failing, ledger: try openLedger(), command: "flexmig node flatten --layout \(layout.rawValue)")
        let wanted = WantedNode(all: .named(layout), source: layout.rawValue)
        let selects: (GPU) -> Bool = { gpu == nil || $0.index == gpu }
        let plan: NodePlan
        if words.contains("dry-run") {
            plan = try change.plan(wanted, selecting: selects)
            try plan.requirePossible()
        } else {
            plan = try change.apply(wanted, selecting: selects, progress: { Self.say("progress \($0)") })
        }
        Self.say("flattened \(plan.plans.flatMap(\.steps).count) \(plan.plans.flatMap(\.kept).count)")
    }
}

extension LeaseRecord {
    init(job: JobID, _ leaves: [MIGDeviceUUID]) {
        self.init(job: job, user: "anna", command: "./train", since: secondsSince1970(), leaves: leaves)
    }
}

extension LeaseState {
    var words: String {
        switch self {
        case .free: "free"
        case .held(let record): "held \(record?.job.rawValue ?? "?")"
        case .orphaned(let record): "orphaned \(record.job)"
        }
    }
}
