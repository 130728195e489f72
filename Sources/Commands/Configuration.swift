import Platform
import Yams

/// The configuration file: which node to talk to when neither flags nor environment say so.
package struct Configuration {
    package var simulate: String?
    package var nodeDirectory: String?
    package var library: String?
    package var stateDirectory: String?

    private static let keys: [String: any WritableKeyPath<Configuration, String?> & Sendable] = [
        "simulate": \.simulate, "node-directory": \.nodeDirectory, "library": \.library,
        "state-directory": \.stateDirectory,
    ]

    /// Reads the file that `FLEXMIG_CONFIG` names, or the first of the usual ones; an empty configuration without one.
    static func load() throws(CommandFailure) -> Configuration {
        if let named = Environment.value("FLEXMIG_CONFIG") { return try Configuration(file: named) }
        let home = Environment.value("XDG_CONFIG_HOME") ?? Environment.value("HOME").map { "\($0)/.config" }
        let candidates = (home.map { ["\($0)/flexmig/config.yaml"] } ?? []) + ["/etc/flexmig/config.yaml"]
        for path in candidates where Files.exists(path) { return try Configuration(file: path) }
        return Configuration()
    }

    init() {}

    package init(file path: String) throws(CommandFailure) {
        let text: String
        do throws(SystemError) {
            text = try Files.readText(path)
        } catch {
            throw CommandFailure(CommandExit.usage, "the configuration file can't be read: \(error)")
        }
        try self.init(text: text, path: path)
    }

    package init(text: String, path: String) throws(CommandFailure) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw CommandFailure(CommandExit.usage, "the configuration file \(path) is not YAML: \(error)")
        }
        // Comments alone, or a document mark with nothing behind it.
        guard let root, root.null == nil else { return }
        func wrong(_ node: Node, _ reason: String) -> CommandFailure {
            let place = node.mark.map { ":\($0.line):\($0.column)" } ?? ""
            return CommandFailure(CommandExit.usage, "\(path)\(place): \(reason)")
        }
        guard let mapping = root.mapping else { throw wrong(root, "it must be a list of \"key: value\" lines") }
        for (key, value) in mapping {
            guard let name = key.string, let place = Self.keys[name] else {
                let known = Self.keys.keys.sorted().joined(separator: ", ")
                throw wrong(key, "unknown key \"\(key.string ?? "?")\"; known: \(known)")
            }
            // A key without a value reads as an empty text, and "~" as nothing.
            guard let text = value.string, !text.isEmpty, value.null == nil else {
                throw wrong(value, "the value of \(name) must be a text")
            }
            self[keyPath: place] = text
        }
    }
}
