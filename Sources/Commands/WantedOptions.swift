import ArgumentParser
import DeviceInventory
import LayoutFiles
import MIGModel
import Platform

/// Which GPUs a command is about.
struct GPUOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only this GPU, by index or UUID; can be given several times.", valueName: "id"))
    var gpu: [String] = []

    func selects(_ candidate: GPU) -> Bool { gpu.isEmpty || gpu.contains { candidate.matches($0) } }

    /// - Throws: `CommandFailure` for a GPU that the node does not have.
    func check(_ gpus: [GPU]) throws(CommandFailure) {
        for wanted in gpu where !gpus.contains(where: { $0.matches(wanted) }) {
            throw CommandFailure(CommandExit.usage, gpus.unknown(wanted))
        }
    }
}

/// The flags that say what a node should have.
struct WantedOptions: ParsableArguments {
    @Option(help: "The same for every GPU: thin, full or doubles.")
    var layout: String?
    @Option(
        help: ArgumentHelp("A layout file, ours or NVIDIA mig-parted's; - for the standard input.", valueName: "path"))
    var file: String?
    @Option(help: ArgumentHelp("Which of a mig-parted file's mig-configs.", valueName: "name"))
    var config: String?
    @OptionGroup var gpus: GPUOptions

    func validate() throws {
        if layout != nil, file != nil { throw ValidationError("--layout and --file exclude each other.") }
        if let layout { try checkLayoutName(layout) }
        if config != nil, file == nil { throw ValidationError("--config chooses within a --file.") }
    }

    /// - Throws: `ValidationError` when neither a layout nor a file is named.
    func requireOne() throws {
        if layout == nil, file == nil { throw ValidationError("Say what is wanted, with --layout or --file.") }
    }

    /// What is wanted; a file is read.
    ///
    /// - Parameter path: the file when nothing is named.
    func wanted(otherwise path: String = "-") throws(LayoutFileError) -> WantedNode {
        if let name = layout.flatMap(LayoutName.init(rawValue:)) {
            return WantedNode(all: .named(name), source: name.rawValue)
        }
        return try LayoutFile.read(file ?? path, configuration: config)
    }
}

/// Refuses an unknown layout's name with the known ones.
func checkLayoutName(_ name: String) throws {
    if LayoutName(rawValue: name) == nil {
        let known = LayoutName.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("Unknown layout '\(name)'. Known layouts: \(known).")
    }
}

extension GPU {
    /// Whether a user's index or UUID means this GPU.
    func matches(_ name: String) -> Bool { String(index) == name || uuid.rawValue == name }
}
