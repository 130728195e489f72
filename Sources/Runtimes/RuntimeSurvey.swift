import Platform

/// Gathers what a decision needs from files and variables.
///
/// No library is loaded, but where a libnccl does not tell its version: then a child process loads it and asks.
public struct RuntimeSurvey {
    public let program: CommandProgram
    public let python: PythonInstallation?
    public let torch: TorchInstallation?
    private let environment: [String: String]
    private let executableDirectory: String
    private let isThorough: Bool

    /// - Parameter isThorough: see `NCCLSearch`.
    public init(
        command: [String], environment: [String: String], executableDirectory: String, isThorough: Bool = false
    ) {
        program = CommandProgram(command: command, environment: environment)
        if case .python(let interpreter) = program.kind {
            let python = PythonInstallation(interpreter: interpreter, environment: program.environment)
            self.python = python
            torch = TorchInstallation(in: python)
        } else {
            python = nil
            torch = nil
        }
        self.environment = environment
        self.executableDirectory = executableDirectory
        self.isThorough = isThorough
    }

    /// The facts without the driver's; `RuntimeFacts.needsDriver` says whether they matter.
    ///
    /// - Parameter isRank: whether this process is one of the ranks, which may each be bound to processors of their own;
    ///   else it will start them, with its own set for all together.
    public func facts(ranks: Int, isOneHost: Bool, isRank: Bool = false) -> RuntimeFacts {
        var search = NCCLSearch(program, python: python, isThorough: isThorough)
        var nccl = search.run()
        if case .found(var library) = nccl, library.isCertain, library.version == nil, !library.isInsidePyTorch {
            library.version = NCCLProbe.versionInChild(
                library.path, program: "\(executableDirectory)/flexmig", environment: program.environment)
            nccl = .found(library)
        }
        let ours = packageFolder
        let online = onlineProcessors()
        let allowed = (try? Affinity.allowed().count) ?? online
        let share =
            isRank
            ? Platform.processorsPerRank(maskSize: allowed, onlineProcessors: online, localRanks: ranks)
            : max(1, allowed / max(1, ranks))
        return RuntimeFacts(
            ranks: ranks, isOneHost: isOneHost, gpus: nil, driver: nil, nccl: nccl,
            plugin: NCCLPluginFile(environment: environment, executableDirectory: executableDirectory),
            torch: .init(
                interpreter: python?.interpreter, hasTorch: torch != nil, packageFolder: ours.folder,
                isInstalled: ours.isInstalled, library: library(for: ours.folder)),
            settings: [String: UserSetting](environment: program.environment), processorsPerRank: share,
            workers: program.environment["FLEXMIG_NCCL_WORKERS"].flatMap { Int($0) })
    }

    /// Where our Python package lies: named by `FLEXMIG_PYTHON`, among the packages of the program's Python, in
    /// lib/flexmig/python of an installation, beside the folder of a bundle's programs, or in the sources that the
    /// program was built from.
    private var packageFolder: (folder: String?, isInstalled: Bool) {
        func absolute(_ folder: String) -> String? {
            Files.exists("\(folder)/flexmig/__init__.py") ? try? Files.absolute(folder) : nil
        }
        if let given = environment["FLEXMIG_PYTHON"], !given.isEmpty { return (absolute(given), false) }
        if let own = python?.packageDirectories.lazy.compactMap(absolute).first { return (own, true) }
        let candidates = ["../lib/flexmig/python", "../python", "../../python", "../../../python"]
        return (candidates.lazy.compactMap { absolute("\(executableDirectory)/\($0)") }.first, false)
    }

    /// The engine's library, where the package has none inside, as a wheel has.
    private func library(for package: String?) -> String? {
        if let package, Files.exists("\(package)/flexmig/\(Self.libraryName)") { return nil }
        let candidates = [Self.libraryName, "../lib/\(Self.libraryName)", "libflexmig-collectives.so"]
        return candidates.lazy.map { "\(executableDirectory)/\($0)" }.first { Files.exists($0) }
            .flatMap { try? Files.absolute($0) }
    }

    private static let libraryName = "libflexmig.so"
}
