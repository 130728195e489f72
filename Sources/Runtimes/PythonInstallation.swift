import Platform

/// Where a Python looks for packages, as far as its files tell; without starting it, where that can be helped.
public struct PythonInstallation: Hashable, Sendable {
    /// The path by which it is called.
    public let interpreter: String
    /// Directories with packages, in the order in which Python searches them.
    public let packageDirectories: [String]

    /// - Parameter environment: what the Python will have: `PYTHONPATH` and the like count.
    public init(interpreter: String, environment: [String: String]) {
        self.interpreter = interpreter
        let given = (environment["PYTHONPATH"] ?? "").split(separator: ":").map(String.init)
        let own: [String]
        if (try? ELFFile(path: interpreter)) != nil {
            own = Self.directories(of: interpreter, environment)
        } else {
            // A script that chooses a Python, as pyenv's: only it knows.
            own = Self.ask(interpreter, environment)
        }
        var seen: Set<String> = []
        packageDirectories = (given + own).filter { Files.isDirectory($0) && seen.insert($0).inserted }
    }

    /// The first directory of a package of that name.
    public func package(_ name: String) -> String? {
        packageDirectories.lazy.map { "\($0)/\(name)" }.first { Files.isDirectory($0) }
    }

    private static func directories(of interpreter: String, _ environment: [String: String]) -> [String] {
        let real = (try? Files.absolute(interpreter)) ?? interpreter
        let base = parent(parent(real))
        let version = versionName(real)
        guard let (prefix, settings) = virtualEnvironment(of: interpreter) ?? virtualEnvironment(of: real) else {
            return user(version, base, environment) + system(base, version)
        }
        let isOpen = settings.contains {
            $0.lowercased().filter { $0 != " " } == "include-system-site-packages=true"
        }
        return site(prefix, version) + (isOpen ? user(version, base, environment) + system(base, version) : [])
    }

    /// The folder and the lines of pyvenv.cfg, beside the interpreter or above it.
    private static func virtualEnvironment(of interpreter: String) -> (prefix: String, settings: [String])? {
        let directory = parent(interpreter)
        for prefix in [directory, parent(directory)] {
            guard let text = try? Files.readText("\(prefix)/pyvenv.cfg") else { continue }
            return (prefix, text.split(separator: "\n").map(String.init))
        }
        return nil
    }

    /// "python3.11" from the interpreter's own name, or from the only such folder of its installation.
    private static func versionName(_ real: String) -> String? {
        let name = CommandProgram.name(of: real)
        if name.hasPrefix("python3.") {
            return String(name.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") })
        }
        let folders = ((try? Files.names(in: "\(parent(parent(real)))/lib")) ?? []).filter { $0.hasPrefix("python3.") }
        return folders.count == 1 ? folders[0] : nil
    }

    private static func site(_ prefix: String, _ version: String?) -> [String] {
        let folders =
            version.map { [$0] }
            ?? ((try? Files.names(in: "\(prefix)/lib")) ?? []).filter { $0.hasPrefix("python3.") }
        return folders.map { "\(prefix)/lib/\($0)/site-packages" }
    }

    private static func system(_ base: String, _ version: String?) -> [String] {
        var found = site(base, version)
        if let version {
            if base == "/usr" { found.append("/usr/local/lib/\(version)/dist-packages") }
            found.append("\(base)/lib/\(version)/dist-packages")
        }
        return found + ["\(base)/lib/python3/dist-packages"]
    }

    private static func user(_ version: String?, _ base: String, _ environment: [String: String]) -> [String] {
        guard let version, environment["PYTHONNOUSERSITE", default: ""].isEmpty else { return [] }
        guard let root = environment["PYTHONUSERBASE"] ?? environment["HOME"].map({ "\($0)/.local" }) else { return [] }
        return ["\(root)/lib/\(version)/site-packages"]
    }

    private static func ask(_ interpreter: String, _ environment: [String: String]) -> [String] {
        let run = try? CapturedRun(
            interpreter, ["-c", "import sys; print('\\n'.join(sys.path))"], environment: environment,
            limit: .seconds(5))
        guard let run, run.succeeded else { return [] }
        return run.output.split(separator: "\n").map(String.init)
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// A PyTorch in a Python, by its files.
public struct TorchInstallation: Hashable, Sendable {
    /// The folder of the package.
    public let directory: String
    /// Such as "2.11.0+cu130"; nil where it does not say.
    public let version: String?

    /// nil when that Python has none.
    public init?(in python: PythonInstallation) {
        guard let found = python.package("torch"), Files.exists("\(found)/__init__.py") else { return nil }
        directory = found
        let text = (try? Files.readText("\(found)/version.py")) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("__version__") }
        version = line?.split { $0 == "'" || $0 == "\"" }.dropFirst().first.map(String.init)
    }

    /// The library that uses NCCL; nil for a build without CUDA.
    var cudaLibrary: ELFFile? { try? ELFFile(path: "\(directory)/lib/libtorch_cuda.so") }
}
