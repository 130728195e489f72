import FoundationEssentials
import MIGModel
import Platform

/// A file of owners and quarantines that can't be used. Nothing is handed out meanwhile.
public struct StandingsProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public let path: String
    public let reason: String

    public var description: String {
        """
        \(path), which says whom leaves belong to and which are quarantined, can't be used: \(reason)
        Nothing is handed out without it. Repair it, or remove it to begin anew: every leaf is flexmig's then, and none quarantined.
        """
    }
}

/// Why a leaf can't get another owner now.
public struct LeafIsHeld: Error, Hashable, Sendable, CustomStringConvertible {
    public let owner: LeafOwner
    /// Each leaf and who is on it, in plain words.
    public let holders: [String]

    public var description: String {
        """
        nothing was assigned to \(owner.rawValue): it could hand out what is in use
        \(holders.map { "  " + $0 }.joined(separator: "\n"))
        Wait for the end, or let nothing new begin there meanwhile: flexmig node assign --owner none
        """
    }
}

/// Owners and quarantines: one file beside the leases, replaced in one step within the node's critical section.
extension Ledger {
    private var standingsPath: String { "\(directory)/standings.json" }
    private var standingsLogPath: String { "\(directory)/standings.log" }

    /// Owners and quarantines as they are now; empty where nobody has said anything. Costs one small read.
    ///
    /// - Throws: `LedgerError`, `StandingsProblem`.
    public func standings() throws -> LeafStandings {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(standingsPath)
        } catch {
            if error.isNotFound { return LeafStandings() }
            throw LedgerError(directory: directory, cause: error)
        }
        struct Version: Decodable { var version: Int }
        let version: Version
        do {
            version = try JSONDecoder().decode(Version.self, from: Data(bytes))
        } catch {
            throw StandingsProblem(path: standingsPath, reason: "it is damaged")
        }
        guard version.version == 1 else {
            throw StandingsProblem(
                path: standingsPath,
                reason: "it was written by another version of flexmig (format \(version.version), this one reads 1)")
        }
        do {
            return try JSONDecoder().decode(LeafStandings.self, from: Data(bytes))
        } catch {
            throw StandingsProblem(path: standingsPath, reason: "it is damaged")
        }
    }

    /// Changes owners and quarantines alone on the node: no leaf is chosen meanwhile.
    ///
    /// - Parameter words: what was done, for the log `standings.log`; nil writes none. Nothing is written where nothing changes.
    /// - Parameter body: may throw; then nothing is changed.
    public func changeStandings(
        _ words: String?, _ body: (inout LeafStandings) throws -> Void
    ) throws {
        try critical {
            let before = try standings()
            var after = before
            try body(&after)
            if after != before { try write(after, words) }
        }
    }

    /// Assigns GPUs or leaves to an owner.
    ///
    /// One who may hand out (`slurm`, `kubernetes`, `flexmig`) gets only what is free: a leaf that is leased, left behind or has a process
    /// stays whose it is, and so does everything else that was named with it. `none` hands nothing out, so it takes effect at once:
    /// what runs goes on, and nothing new begins.
    /// - Throws: `LeafIsHeld`, `DeviceError`, `LedgerError`, `StandingsProblem`.
    public func assign(
        _ subjects: [LeafStandings.Subject], to owner: LeafOwner, backend: some DeviceBackend
    ) throws {
        try changeStandings("assign to \(owner.rawValue): \(subjects.names)") { standings in
            let inventory = try backend.inventory()
            standings.forgetMissing(in: inventory)
            var holders: [String] = []
            for gpu in inventory.gpus where owner != .none {
                for leaf in gpu.leaves where subjects.contains(leaf.uuid, on: gpu.uuid) {
                    guard standings.standing(of: leaf.uuid, on: gpu.uuid).owner != owner,
                        let holder = try holder(of: leaf.uuid, backend)
                    else { continue }
                    holders.append("GPU \(gpu.index) \(leaf.uuid): \(holder)")
                }
            }
            if !holders.isEmpty { throw LeafIsHeld(owner: owner, holders: holders) }
            for subject in subjects { standings.assign(subject, to: owner) }
        }
    }

    /// Quarantines GPUs or leaves, held ones too: their jobs go on and are told.
    public func quarantine(_ subjects: [LeafStandings.Subject], reason: String) throws {
        let quarantine = Quarantine(reason: reason, since: secondsSince1970(), by: ProcessTable.userName())
        try changeStandings("quarantine: \(subjects.names) (\(quarantine.reason))") { standings in
            for subject in subjects { standings.quarantine(subject, quarantine) }
        }
    }

    private func holder(of leaf: MIGDeviceUUID, _ backend: some DeviceBackend) throws -> String? {
        switch try state(of: leaf) {
        case .held(let record): return record?.summary(now: secondsSince1970()) ?? "a job that is starting or ending"
        case .orphaned(let record): return "left behind by " + record.summary(now: secondsSince1970())
        case .free: break
        }
        do throws(DeviceError) {
            return try backend.processes(on: leaf).first.map { "process \($0), which has no lease" }
        } catch {
            // Destroyed since the node was read.
            guard error.kind == .gone else { throw error }
            return nil
        }
    }

    /// Whether this user may assign, quarantine and restore here: root, and the user whom the ledger belongs to.
    public var mayChangeStandings: Bool {
        currentUser() == 0 || (try? Files.owner(of: directory)) == currentUser()
    }

    private func write(_ standings: LeafStandings, _ words: String?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let text = Array(try encoder.encode(standings)) + [UInt8(ascii: "\n")]
        do throws(SystemError) {
            if let words {
                // The log first: what is logged and then not done is seen in the file; the other way round it would be lost.
                let log = try Descriptor.open(standingsLogPath, [.writeOnly, .create, .append], permissions: 0o644)
                try log.write(Array("\(secondsSince1970()) \(ProcessTable.userName()) \(words)\n".utf8))
            }
            try Files.replace(standingsPath, with: text)
        } catch {
            throw LedgerError(directory: directory, cause: error)
        }
    }
}

extension [LeafStandings.Subject] {
    /// UUIDs, with commas.
    var names: String {
        map { subject in
            switch subject {
            case .gpu(let gpu): gpu.rawValue
            case .leaf(let leaf, _): leaf.rawValue
            }
        }.joined(separator: ", ")
    }

    fileprivate func contains(_ leaf: MIGDeviceUUID, on gpu: GPUUUID) -> Bool {
        contains(.leaf(leaf, on: gpu)) || contains(.gpu(gpu))
    }
}
