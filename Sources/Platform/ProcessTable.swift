import CPlatform
import Glibc

/// One row of /proc.
public struct ProcessRow: Hashable, Sendable {
    public let process: ProcessID
    public let parent: ProcessID
    /// The kernel's state letter; "Z" is a zombie.
    public let state: Character
    /// Clock ticks since boot at the start: with the number it names a process for ever.
    public let startTime: UInt64

    public var isZombie: Bool { state == "Z" || state == "X" }

    /// Reads the text of /proc/PID/stat. The command's name may hold spaces, parentheses and anything else, such as
    /// an accent that makes one character of itself and the parenthesis before it.
    package init?(stat text: String) {
        guard let open = text.utf8.firstIndex(of: UInt8(ascii: "(")), let close = text.lastIndex(of: ")"),
            let process = CInt(text[..<open].filter { $0 != " " })
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let parent = CInt(fields[1]),
            let startTime = UInt64(fields[19])
        else { return nil }
        self.process = ProcessID(rawValue: process)
        self.parent = ProcessID(rawValue: parent)
        self.state = state
        self.startTime = startTime
    }
}

/// The processes that this process can see in /proc.
public enum ProcessTable {
    /// Every process, in one pass; those that end meanwhile are left out. Costs one small read a process.
    public static func rows() -> [ProcessRow] {
        guard let names = try? Files.names(in: "/proc") else { return [] }
        return names.compactMap { name in CInt(name).flatMap { row(of: ProcessID(rawValue: $0)) } }
    }

    /// One process's row; nil when there is none of that number.
    public static func row(of process: ProcessID) -> ProcessRow? {
        guard let text = try? Files.readText("/proc/\(process)/stat") else { return nil }
        return ProcessRow(stat: text)
    }

    /// The living descendants of a process, zombies left out.
    public static func descendants(of root: ProcessID) -> [ProcessRow] {
        let children = Dictionary(grouping: rows(), by: \.parent)
        var found: [ProcessRow] = []
        var open = [root]
        while let parent = open.popLast() {
            for child in children[parent] ?? [] {
                open.append(child.process)
                if !child.isZombie { found.append(child) }
            }
        }
        return found
    }

    /// The environment that a process was started with; nil when it is gone or belongs to another user.
    public static func environment(of process: ProcessID) -> [String: String]? {
        guard let bytes = try? Files.read("/proc/\(process)/environ") else { return nil }
        return SystemText.variables(bytes.split(separator: 0).map(Array.init))
    }

    /// The name of a user, or the number as text.
    public static func userName(_ user: uid_t = getuid()) -> String {
        guard let entry = unsafe getpwuid(user), let name = unsafe entry.pointee.pw_name else { return String(user) }
        return unsafe String(cString: name)
    }
}

/// The user that this process runs as.
public func currentUser() -> UInt32 { geteuid() }
