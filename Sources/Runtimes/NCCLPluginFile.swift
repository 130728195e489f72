import Platform

/// Our net plugin for NCCL, as a file.
public enum NCCLPluginFile: Hashable, Sendable {
    case usable(String)
    case missing(lookedAt: [String])
    /// It is there, but can't be loaded here. `isChosen`: `FLEXMIG_PLUGIN` names it.
    case unusable(path: String, reason: String, isChosen: Bool)

    public static let fileName = "libnccl-net-flexmig.so"
    /// The variable that names another file.
    public static let variable = "FLEXMIG_PLUGIN"
    /// What NCCL knows the plugin's network by.
    public static let networkName = "FlexMIG"

    /// Looks beside the program, and in ../lib of an installation, unless `FLEXMIG_PLUGIN` names the file. Reads its
    /// header; loads nothing.
    public init(environment: [String: String], executableDirectory: String) {
        let chosen = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
        let candidates =
            chosen.map { [$0] }
            ?? [executableDirectory, "\(executableDirectory)/../lib"].map { "\($0)/\(Self.fileName)" }
        guard let path = candidates.first(where: { Files.exists($0) }) else {
            self =
                chosen.map { .unusable(path: $0, reason: "it does not exist", isChosen: true) }
                ?? .missing(lookedAt: candidates)
            return
        }
        do throws(ELFFile.Problem) {
            let file = try ELFFile(path: path)
            let problem =
                !file.isForThisMachine
                ? "it is for \(file.machine), and this machine is \(ELFFile.ownMachine)"
                : file.isShared ? nil : "it is no shared library"
            // NCCL may start in another directory.
            let absolute = (try? Files.absolute(path)) ?? path
            self = problem.map { .unusable(path: path, reason: $0, isChosen: chosen != nil) } ?? .usable(absolute)
        } catch {
            self = .unusable(path: path, reason: "\(error)", isChosen: chosen != nil)
        }
    }

    /// Why it can't be used, and the way out; nil when it can.
    public var problem: String? {
        switch self {
        case .usable: nil
        case .missing: "our plugin \(Self.fileName) is not installed, neither beside flexmig nor in ../lib"
        case .unusable(let path, let reason, _): "our plugin \(path) can't be used: \(reason)"
        }
    }
}
