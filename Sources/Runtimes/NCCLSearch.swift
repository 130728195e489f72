import Platform

/// Which libnccl a program would load.
public enum NCCLFinding: Hashable, Sendable {
    /// The program is not seen to load one, and why; it may all the same.
    case none(String)
    case found(NCCLLibrary)
    /// One that can't be loaded, the reason, and what to do.
    case broken(path: String, reason: String, advice: String)
}

/// A libnccl in a file, or inside PyTorch's own library.
public struct NCCLLibrary: Hashable, Sendable {
    public let path: String
    /// nil where the file does not tell.
    public var version: NCCLVersion?
    /// What led to it: "LD_PRELOAD", "the RPATH of ...".
    public let how: String
    /// Whether the program is known to load it; otherwise it would be this one, if the program loads one by name.
    public let isCertain: Bool

    /// Whether the path is PyTorch's own library, which can't be asked alone.
    var isInsidePyTorch: Bool { how == Self.insidePyTorch }
    static let insidePyTorch = "PyTorch has it inside"

    public init(path: String, version: NCCLVersion?, how: String, isCertain: Bool) {
        self.path = path
        self.version = version
        self.how = how
        self.isCertain = isCertain
    }
}

/// Looks for the libnccl of a program: files are read, nothing is loaded, and a program that has none costs a few
/// system calls.
public struct NCCLSearch {
    static let name = "libnccl.so.2"

    static func isName(_ name: some StringProtocol) -> Bool { name == "libnccl.so" || name.hasPrefix("libnccl.so.") }

    private let program: CommandProgram
    private let python: PythonInstallation?
    private var libraries: LibrarySearch
    /// Constants are not searched for the version where there are more bytes of them.
    private let mostBytes: Int

    /// - Parameter isThorough: takes the time to look into the largest libraries, and into what the program may only
    ///   load by name.
    public init(
        _ program: CommandProgram, python: PythonInstallation?, isThorough: Bool = false,
        cachePath: String = LoaderCache.usualPath
    ) {
        self.program = program
        self.python = python
        mostBytes = isThorough ? 1 << 30 : 32 << 20
        isLookingFurther = isThorough
        libraries = LibrarySearch(environment: program.environment)
        libraries.cachePath = cachePath
    }
    private let isLookingFurther: Bool

    public mutating func run() -> NCCLFinding {
        if let preloaded { return finding(preloaded, how: "LD_PRELOAD", isCertain: true) }
        switch program.kind {
        case .python: return inPython()
        case .linked(let file):
            guard let needed = file.needed.first(where: { Self.isName($0) }) else { break }
            return finding(needed, for: file, isCertain: true) ?? missing(needed, for: file.path)
        case .other: break
        }
        return byName(because: "the program is not linked with NCCL")
    }

    /// The loader takes the first file that it is told to load before all others.
    private var preloaded: String? {
        (program.environment["LD_PRELOAD"] ?? "").split { $0 == ":" || $0 == " " }.map(String.init)
            .first { Self.isName(CommandProgram.name(of: $0)) }
    }

    private mutating func inPython() -> NCCLFinding {
        guard let python else { return .none("the program's Python was not found") }
        if let torch = TorchInstallation(in: python) {
            guard let cuda = torch.cudaLibrary else {
                return byName(because: "the PyTorch in \(torch.directory) is a build without CUDA")
            }
            guard let needed = cuda.needed.first(where: { Self.isName($0) }) else {
                let library = NCCLLibrary(
                    path: cuda.path, version: Self.version(of: cuda, limit: mostBytes), how: NCCLLibrary.insidePyTorch,
                    isCertain: true)
                return .found(library)
            }
            return finding(needed, for: cuda, isCertain: true) ?? missing(needed, for: cuda.path)
        }
        // Such as JAX and CuPy, which load NVIDIA's package.
        if let package = python.package("nvidia/nccl/lib"), Files.exists("\(package)/\(Self.name)") {
            return finding("\(package)/\(Self.name)", how: "the Python package nvidia-nccl", isCertain: true)
        }
        return byName(because: "the Python \(python.interpreter) has neither PyTorch nor NVIDIA's NCCL")
    }

    /// What `dlopen("libnccl.so.2")` would find.
    private mutating func byName(because reason: String) -> NCCLFinding {
        guard isLookingFurther else { return .none(reason) }
        let file: ELFFile? = if case .other(let file) = program.kind { file } else { nil }
        return finding(Self.name, for: file, isCertain: false) ?? .none(reason)
    }

    private mutating func finding(_ name: String, for requester: ELFFile?, isCertain: Bool) -> NCCLFinding? {
        libraries.find(name, for: requester).map { finding($0.path, how: $0.how, isCertain: isCertain) }
    }

    private func finding(_ path: String, how: String, isCertain: Bool) -> NCCLFinding {
        let wayOut =
            how == "LD_PRELOAD"
            ? "Let LD_PRELOAD name an existing libnccl.so.2 for \(ELFFile.ownMachine), or unset it."
            : "Install it again: python -m pip install --force-reinstall nvidia-nccl-cu13 (or -cu12, as your PyTorch needs)."
        // A name alone is looked up by the loader; what it finds is not known here.
        if how == "LD_PRELOAD", !path.contains("/") {
            var search = libraries
            guard let found = search.find(path, for: nil) else {
                return .broken(path: path, reason: "LD_PRELOAD names it, and it is not there", advice: wayOut)
            }
            return finding(found.path, how: how, isCertain: isCertain)
        }
        do throws(ELFFile.Problem) {
            let file = try ELFFile(path: path)
            guard file.isForThisMachine else {
                return .broken(
                    path: path, reason: "it is for \(file.machine), and this machine is \(ELFFile.ownMachine)",
                    advice: wayOut)
            }
            return .found(
                NCCLLibrary(
                    path: path, version: Self.version(of: file, limit: mostBytes), how: how, isCertain: isCertain))
        } catch {
            return .broken(path: path, reason: "\(how) leads to it, and \(error)", advice: wayOut)
        }
    }

    private func missing(_ name: String, for path: String) -> NCCLFinding {
        let others = libraries.passedOver.isEmpty ? "" : " (\(libraries.passedOver.joined(separator: "; ")))"
        return .broken(
            path: name, reason: "\(path) needs it, and it is nowhere to be found\(others)",
            advice:
                "Install NCCL (python -m pip install nvidia-nccl-cu13, or -cu12), or let LD_LIBRARY_PATH name its folder."
        )
    }

    /// The version in the text that every libnccl carries: "NCCL version 2.29.7+cuda13.0".
    static func version(of file: ELFFile, limit: Int) -> NCCLVersion? {
        let bytes = file.constants(limit: limit)
        let wanted = Array("NCCL version ".utf8)
        var start = 0
        while let place = bytes[start...].firstIndex(of: wanted[0]) {
            let rest = bytes[place...]
            if rest.starts(with: wanted) {
                let text = String(decoding: rest.dropFirst(wanted.count).prefix(24).prefix { $0 != 0 }, as: UTF8.self)
                if let version = NCCLVersion(text) { return version }
            }
            start = place + 1
        }
        return nil
    }
}
