import Platform

/// The driver's own tables of device numbers, below a directory that stands for the root.
public struct DriverTables: Hashable, Sendable {
    /// Major numbers of character devices by name, from /proc/devices.
    public let majors: [String: Int]
    /// Minor numbers of capabilities, such as "gpu0/gi1/ci0/access", from /proc/driver/nvidia-caps/mig-minors.
    public let minors: [String: Int]
    private let root: String
    /// What stands before the paths in messages.
    var rootForMessages: String { root }

    /// Reads them; a table that is missing is empty.
    ///
    /// - Parameter root: "" for the machine's own.
    public init(root: String = "") {
        self.root = root
        majors = Self.majors(in: (try? Files.readText("\(root)/proc/devices")) ?? "")
        minors = Self.minors(in: (try? Files.readText("\(root)/proc/driver/nvidia-caps/mig-minors")) ?? "")
    }

    /// The minor number of a capability; nil where no table has it.
    ///
    /// The table of all comes first; older drivers have only the file of each.
    /// - Parameter name: such as "gpu0/gi1/access".
    public func minor(of name: String) -> Int? { minors[name] ?? fields(of: name)["DeviceFileMinor"] }

    /// Permissions that the driver wants for a capability's device file, such as 0o444; nil where it does not say.
    public func mode(of name: String) -> Int? { fields(of: name)["DeviceFileMode"] }

    /// "gpu0/gi1/access" is gpu0/mig/gi1/access among the capabilities.
    private func fields(of name: String) -> [String: Int] {
        let parts = name.split(separator: "/", maxSplits: 1)
        guard parts.count == 2,
            let text = try? Files.readText("\(root)/proc/driver/nvidia/capabilities/\(parts[0])/mig/\(parts[1])")
        else { return [:] }
        return Self.fields(in: text)
    }

    static func majors(in text: String) -> [String: Int] {
        var majors: [String: Int] = [:]
        // "Block devices:" counts for itself.
        for line in text.split(separator: "\n").prefix(while: { !$0.hasPrefix("Block") }) {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = Int(words[0]) else { continue }
            majors[String(words[1])] = majors[String(words[1])] ?? number
        }
        return majors
    }

    static func minors(in text: String) -> [String: Int] {
        var minors: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = Int(words[1]), number >= 0 else { continue }
            minors[String(words[0])] = number
        }
        return minors
    }

    /// Lines such as "DeviceFileMinor: 12".
    static func fields(in text: String) -> [String: Int] {
        var fields: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let number = Int(parts[1].filter { $0 != " " }), number >= 0 else { continue }
            fields[String(parts[0])] = number
        }
        return fields
    }
}
