import MIGModel
import Platform
import Synchronization

/// A problem with a simulated node's directory.
public struct SimulatedNodeError: Error, Sendable, CustomStringConvertible {
    public enum Reason: Sendable {
        case missing
        case unusable(StateFileProblem)
        case otherSpec(there: String, wanted: String)
        case system(SystemError)
    }
    public let directory: String
    public let reason: Reason

    public var description: String {
        switch reason {
        case .missing:
            """
            there is no simulated node in \(directory)
            Make one with --simulate, for example: flexmig node list --simulate a100-40gb:2 --node-directory \(directory)
            """
        case .unusable(let problem):
            """
            \(directory) can't be used as a simulated node: \(problem)
            Remove the directory, or name another one with --node-directory.
            """
        case .otherSpec(let there, let wanted):
            """
            the simulated node in \(directory) is \(there), not \(wanted)
            Name another directory with --node-directory, or remove this one.
            """
        case .system(let error):
            "the simulated node in \(directory) can't be used: \(error)"
        }
    }
}

/// A simulated node: a directory that all processes share, as they would share a driver.
///
/// `driver.state` is replaced in one step under the lock of `driver.lock`, so a reader needs no lock and a crash
/// leaves the old state or the new. `contexts` carries a record lock per running process, `events.log` the
/// driver's own account of what happened, `faults` what it does wrong on demand.
public final class SimulatedNode: Sendable {
    /// Absolute path.
    public let directory: String
    private let cache = Mutex<(identity: FileIdentity, state: DriverState)?>(nil)
    let faultCache = Mutex<(identity: FileIdentity, table: FaultTable)?>(nil)
    let contexts: ContextTable
    public let log: EventLog

    /// The environment variable that tells the library and the programs of a job which node they are on.
    public static let environmentVariable = "FLEXMIG_SIMULATED_NODE"

    private var statePath: String { "\(directory)/driver.state" }

    /// Opens a node that is there.
    public init(opening directory: String) throws(SimulatedNodeError) {
        do throws(SystemError) {
            self.directory = try Files.absolute(directory)
        } catch {
            throw SimulatedNodeError(directory: directory, reason: error.isNotFound ? .missing : .system(error))
        }
        log = EventLog(path: "\(self.directory)/events.log")
        contexts = ContextTable(directory: self.directory, log: log)
        _ = try state()
    }

    /// Makes a node in a directory that is missing or empty; the directory appears complete or not at all.
    public static func create(
        _ spec: NodeSpec, in directory: String
    ) throws(SimulatedNodeError) -> SimulatedNode {
        var generator = SystemRandomNumberGenerator()
        let state = DriverState(spec: spec, using: &generator)
        // Of an empty directory that is there, the real name: a link can't be replaced by a directory.
        let directory = (try? Files.absolute(directory)) ?? withoutTrailingSlashes(directory)
        let temporary = "\(directory).\(randomToken(bytes: 4)).new"
        do throws(SystemError) {
            if let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
                try Files.makeDirectories(String(directory[..<slash]))
            }
            try Files.makeDirectory(temporary)
            try Files.replace("\(temporary)/driver.state", with: state.encoded())
            try Files.rename(temporary, to: directory)
        } catch {
            try? Files.remove("\(temporary)/driver.state")
            try? Files.removeDirectory(temporary)
            // Somebody else made it at the same time, or it was there before.
            if Files.exists("\(directory)/driver.state") { return try open(directory, expecting: spec) }
            throw SimulatedNodeError(directory: directory, reason: .system(error))
        }
        return try SimulatedNode(opening: directory)
    }

    private static func withoutTrailingSlashes(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// Opens the node in a directory, made when missing.
    public static func open(_ directory: String, creating spec: NodeSpec) throws(SimulatedNodeError) -> SimulatedNode {
        if Files.exists("\(directory)/driver.state") { return try open(directory, expecting: spec) }
        let names = (try? Files.names(in: directory)) ?? []
        guard names.isEmpty else { throw SimulatedNodeError(directory: directory, reason: .unusable(.notOurs)) }
        return try create(spec, in: directory)
    }

    private static func open(_ directory: String, expecting spec: NodeSpec) throws(SimulatedNodeError) -> SimulatedNode
    {
        let node = try SimulatedNode(opening: directory)
        let there = try node.state().spec
        guard there == spec else {
            throw SimulatedNodeError(
                directory: directory, reason: .otherSpec(there: "\(there)", wanted: "\(spec)"))
        }
        return node
    }

    /// The driver's state now. Costs one stat while nothing changes, else a read of the file.
    public func state() throws(SimulatedNodeError) -> DriverState {
        let identity: FileIdentity
        let bytes: [UInt8]
        do throws(SystemError) {
            identity = try Files.identity(of: statePath)
            if let cached = cache.withLock({ $0 }), cached.identity == identity { return cached.state }
            bytes = try Files.read(statePath)
        } catch {
            throw SimulatedNodeError(directory: directory, reason: error.isNotFound ? missingReason : .system(error))
        }
        do throws(StateFileProblem) {
            let state = try DriverState(decoding: bytes)
            cache.withLock { $0 = (identity, state) }
            return state
        } catch {
            throw SimulatedNodeError(directory: directory, reason: .unusable(error))
        }
    }

    /// A directory with other people's files in it is not a missing node.
    private var missingReason: SimulatedNodeError.Reason {
        let names = (try? Files.names(in: directory)) ?? []
        return names.isEmpty ? .missing : .unusable(.notOurs)
    }

    /// The living processes that have a context on a MIG device.
    public func processes(on compute: SimulatedComputeInstance) throws(SystemError) -> [ContextEntry] {
        try contexts.running(on: compute.serial)
    }

    /// What a change answers: its value and the lines for the log.
    public struct Change<Value> {
        public let value: Value
        public let events: [Event]
        public init(_ value: Value, events: [Event] = []) {
            self.value = value
            self.events = events
        }
    }

    /// Changes the state alone in the whole system: reads it, lets `body` change it, writes it, logs the events.
    ///
    /// The ends of processes that had a context are logged first, so that the log has them before what they allow.
    /// Nothing else is written when `body` throws.
    public func change<Value>(
        _ body: (inout DriverState, ContextTable) throws -> Change<Value>
    ) throws -> Value {
        try FileMutex.withLock(path: "\(directory)/driver.lock", timeout: .seconds(60)) {
            var state = try self.state()
            try contexts.sweep()
            let before = state
            let change = try body(&state, contexts)
            if state != before { try Files.replace(statePath, with: state.encoded()) }
            try log.append(change.events)
            return change.value
        }
    }
}
