import Platform
import Synchronization

/// Faults and happenings, seen by all processes that talk to this driver.
///
/// `faults` in the node's directory is replaced in one step under the driver's lock, like the state; without faults
/// there is no such file.
extension SimulatedNode {
    private var faultPath: String { "\(directory)/faults" }

    /// The faults now. Costs one stat while nothing changes.
    public func faults() throws(SimulatedNodeError) -> FaultTable {
        let identity: FileIdentity
        let bytes: [UInt8]
        do throws(SystemError) {
            identity = try Files.identity(of: faultPath)
            if let cached = faultCache.withLock({ $0 }), cached.identity == identity { return cached.table }
            bytes = try Files.read(faultPath)
        } catch {
            if error.isNotFound { return FaultTable() }
            throw SimulatedNodeError(directory: directory, reason: .system(error))
        }
        do throws(StateFileProblem) {
            let table = try FaultTable(decoding: bytes)
            faultCache.withLock { $0 = (identity, table) }
            return table
        } catch {
            throw SimulatedNodeError(directory: directory, reason: .unusable(error))
        }
    }

    /// Lets the driver do something wrong from now on. A GPU that is lost is told to those who wait for events.
    ///
    /// - Throws: `FaultProblem` for a GPU that the node does not have; else what the file system says.
    @discardableResult
    public func inject(_ fault: Fault) throws -> FaultTable.Entry {
        let count = try state().gpus.count
        if let gpu = fault.gpu, !(0..<count).contains(gpu) { throw FaultProblem.noSuchGPU(gpu, count: count) }
        if fault.effect == .lost, fault.gpu == nil { throw FaultProblem.lostNeedsGPU }
        return try changeFaults { table in
            let entry = table.add(fault)
            let lost = fault.effect == .lost ? [Event("gpu-lost", ["gpu": "\(fault.gpu ?? 0)"])] : []
            return .init(entry, events: lost)
        }
    }

    /// Takes faults back; nil takes all back, the foreign processes too.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func clearFaults(_ ids: Set<Int>? = nil) throws -> Int {
        let foreign = try ids == nil ? clearForeignProcesses() : 0
        return try foreign
            + changeFaults { table in
                let before = table.entries.count
                table.entries.removeAll { ids?.contains($0.id) ?? true }
                return .init(before - table.entries.count)
            }
    }

    /// What a call meets, counted and logged.
    package func meet(_ call: @autoclosure () -> DriverCall) throws -> FaultTable.Meeting {
        let seen = try faults()
        if seen.entries.isEmpty { return .init() }
        let call = call()
        let meeting = seen.meeting(of: call)
        if meeting.counted.isEmpty { return meeting }
        do {
            return try changeFaults { table in
                // Another process may have met the last one meanwhile.
                let meeting = table.meeting(of: call)
                table.count(meeting.counted)
                var fields = ["call": call.name, "hang": "\(meeting.hangMilliseconds)"]
                fields["gpu"] = call.gpu.map(String.init)
                fields["gi"] = call.instance.map(String.init)
                fields["code"] = meeting.code.map(String.init)
                return .init(meeting, events: meeting.counted.isEmpty ? [] : [Event("fault", fields)])
            }
        } catch let error as SystemError where error.isPermission {
            // Somebody who may only look meets the fault and can't count it.
            return meeting
        }
    }

    private func changeFaults<Value>(_ body: (inout FaultTable) throws -> Change<Value>) throws -> Value {
        try FileMutex.withLock(path: "\(directory)/driver.lock", timeout: .seconds(60)) {
            var table = try faults()
            let before = table
            let change = try body(&table)
            if table.entries.isEmpty {
                try Files.remove(faultPath)
            } else if table != before {
                try Files.replace(faultPath, with: table.encoded())
            }
            try log.append(change.events)
            return change.value
        }
    }

    /// The version that the driver has, or pretends to have.
    public func driverVersion() throws(SimulatedNodeError) -> String {
        if let pretended = try faults().driverVersion { return pretended }
        return try state().driverVersion
    }

    // MARK: Happenings

    /// Posts an Xid event to all who wait for one.
    ///
    /// - Parameter instance: the GPU instance's id, and `compute` the compute instance's; nil for the whole GPU.
    public func post(xid: UInt64, gpu: Int, instance: Int? = nil, compute: Int? = nil) throws {
        let count = try state().gpus.count
        guard (0..<count).contains(gpu) else { throw FaultProblem.noSuchGPU(gpu, count: count) }
        try change { _, _ in
            var fields = ["gpu": "\(gpu)", "xid": "\(xid)"]
            fields["gi"] = instance.map(String.init)
            fields["ci"] = compute.map(String.init)
            return .init((), events: [Event("xid", fields)])
        }
    }

    /// Unloads the driver and loads it again: all instances are gone, and from Hopper on MIG mode is off.
    ///
    /// - Throws: `FaultProblem.inUse` while a process has a context: a real driver can't be unloaded then.
    public func restart() throws {
        try change { state, contexts in
            let running = try contexts.sweep().filter { !$0.isForeign }
            guard running.isEmpty else { throw FaultProblem.inUse(running.map(\.process)) }
            for entry in try contexts.sweep() { try contexts.close(entry) }
            state.restart()
            return .init((), events: [Event("driver-restart", [:])])
        }
    }

    /// Shows a process on a MIG device until it is cleared, whether there is one of that number or not.
    ///
    /// - Parameter isGraphics: whether it draws: then it is not among those that compute.
    public func addForeignProcess(_ process: ProcessID, on leaf: String, isGraphics: Bool = false) throws {
        try change { state, contexts in
            guard let found = state.computeInstance(uuid: leaf) else { throw FaultProblem.noSuchLeaf(leaf) }
            return .init(
                try contexts.openForeign(
                    process, leaf: leaf, serial: found.compute.serial, isGraphics: isGraphics))
        }
    }

    /// Takes foreign processes away: those on a leaf, or all.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func clearForeignProcesses(on leaf: String? = nil) throws -> Int {
        try change { _, contexts in
            let foreign = try contexts.sweep().filter { $0.isForeign && $0.leaf == leaf ?? $0.leaf }
            for entry in foreign { try contexts.close(entry) }
            return .init(foreign.count)
        }
    }

    /// The foreign processes now.
    public func foreignProcesses() throws(SystemError) -> [ContextEntry] { try contexts.foreign() }
}

/// Why a fault can't be had.
public enum FaultProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchGPU(Int, count: Int)
    case lostNeedsGPU
    case noSuchLeaf(String)
    case inUse([ProcessID])

    public var description: String {
        switch self {
        case .noSuchGPU(let gpu, let count): "this node has no GPU \(gpu); it has \(count), counted from 0"
        case .lostNeedsGPU: "a lost GPU needs its number"
        case .noSuchLeaf(let leaf): "this node has no leaf \(leaf)"
        case .inUse(let processes):
            "the driver is in use by pid \(processes.map { "\($0)" }.joined(separator: ", ")): it can't be unloaded"
        }
    }
}
