import FoundationEssentials
import MIGModel
import Platform

/// A job's name on its node: unique, and not to be guessed.
public struct JobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// A new one, such as "j3f09c2e81ab4".
    public static func make() -> JobID { JobID(rawValue: "j" + randomToken(bytes: 6)) }

    /// The variable that every process of a job carries.
    public static let environmentVariable = "FLEXMIG_JOB_ID"

    /// What the names of a job's shared-memory files start with.
    public var sharedMemoryPrefix: String { "flexmig-\(rawValue)-" }

    /// Removes the job's files in shared memory.
    public func removeSharedMemory() {
        for name in SharedMemoryName.all(withPrefix: sharedMemoryPrefix) {
            // Another process of the job's cleaning may have been faster; a file of another user can't be ours.
            try? name.unlink()
        }
    }
}

/// What a lease file says of the job that holds the leaf.
public struct LeaseRecord: Hashable, Sendable, Codable {
    /// The format's version; readers refuse others.
    public var version = 1
    public var job: JobID
    public var user: String
    /// The user's number: only he and root may end what is left of the job.
    public var userID: UInt32
    /// The holder's own words for what it does: the job's command line.
    public var command: String
    /// Seconds since 1970.
    public var since: Int
    /// All leaves of the gang.
    public var leaves: [MIGDeviceUUID]

    /// A command longer than 1000 characters is cut.
    public init(
        job: JobID, user: String, userID: UInt32 = currentUser(), command: String, since: Int, leaves: [MIGDeviceUUID]
    ) {
        self.job = job
        self.user = user
        self.userID = userID
        self.command = command.count <= 1000 ? command : command.prefix(997) + "..."
        self.since = since
        self.leaves = leaves
    }

    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // Strings and numbers only: encoding can't fail.
        return (try? encoder.encode(self)).map { Array($0) + [UInt8(ascii: "\n")] } ?? []
    }

    /// Reads a lease file; nil when it is empty or was torn by a crash while it was written.
    init?(decoding bytes: [UInt8]) {
        guard let record = try? JSONDecoder().decode(LeaseRecord.self, from: Data(bytes)), record.version == 1 else {
            return nil
        }
        self = record
    }

    /// One line for people, such as "job j3f09c2e81ab4 of anna, for 2 min: ./train".
    public func summary(now: Int) -> String {
        "job \(job) of \(user), for \(ageText(now - since)): \(commandForDisplay)"
    }

    /// The command as it may be shown to other users: one line, no control characters, at most 100 characters.
    public var commandForDisplay: String {
        let shown = command.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                ? "?" : String(scalar)
        }.joined()
        return shown.count <= 100 ? shown : shown.prefix(97) + "..."
    }
}

/// A time span for people: "90 s", "12 min", "5 h".
package func ageText(_ seconds: Int) -> String {
    let seconds = max(0, seconds)
    return seconds < 120 ? "\(seconds) s" : seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
}
