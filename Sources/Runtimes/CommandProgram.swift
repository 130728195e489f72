import Platform

/// What a job's command runs, as far as its files tell.
public struct CommandProgram: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A Python: the path by which it is called.
        case python(String)
        /// A program that asks the loader for libnccl itself.
        case linked(ELFFile)
        /// Anything else: it may load NCCL by name, or start something that does.
        case other(ELFFile?)
    }

    public let kind: Kind
    /// The command's variables: the given ones, and what `env NAME=value` adds.
    public let environment: [String: String]

    /// Looks at a command as it was typed.
    ///
    /// Sees through `env`, and through a launcher whose ranks call `flexmig exec -- PROGRAM`.
    public init(command words: [String], environment: [String: String]) {
        var words = Self.behindExec(words)
        var variables = environment
        while let first = words.first, first == "env" || first.hasSuffix("/env") {
            words.removeFirst()
            while let word = words.first, let equals = word.firstIndex(of: "="), equals != word.startIndex {
                variables[String(word[..<equals])] = String(word[word.index(after: equals)...])
                words.removeFirst()
            }
            // Options of env are not followed.
            if words.first?.hasPrefix("-") == true { words = [] }
        }
        self.environment = variables
        let located = words.first.flatMap { try? ChildProcess.locate($0, path: variables["PATH"]) }
        kind = located.map { Self.kind(of: $0, path: variables["PATH"]) } ?? .other(nil)
    }

    private static func behindExec(_ words: [String]) -> [String] {
        let exec = zip(words, words.dropFirst()).enumerated().first {
            ($0.element.0 == "flexmig" || $0.element.0.hasSuffix("/flexmig")) && $0.element.1 == "exec"
        }
        // Further ones are the program's.
        guard let exec, let end = words[exec.offset...].firstIndex(of: "--") else { return words }
        return Array(words[(end + 1)...])
    }

    private static func kind(of path: String, path search: String?) -> Kind {
        if name(of: path).hasPrefix("python") { return .python(path) }
        if let elf = try? ELFFile(path: path) {
            return elf.needed.contains { NCCLSearch.isName($0) } ? .linked(elf) : .other(elf)
        }
        guard let interpreter = interpreter(of: path, path: search), name(of: interpreter).hasPrefix("python") else {
            return .other(nil)
        }
        return .python(interpreter)
    }

    /// The program behind `#!`, also when it is written with env.
    static func interpreter(of path: String, path search: String?) -> String? {
        guard let file = try? Descriptor.open(path, .readOnly), let head = try? file.read(at: 0, count: 256),
            head.starts(with: Array("#!".utf8))
        else { return nil }
        let line = SystemText.string(head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") })
        var words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        if words.first.map(name) == "env" {
            words.removeFirst()
            words.removeAll { $0.hasPrefix("-") || $0.contains("=") }
        }
        return words.first.flatMap { try? ChildProcess.locate($0, path: search) }
    }

    static func name(of path: String) -> Substring { path.split(separator: "/").last ?? "" }
}
