import MIGModel
import Platform
import Yams

/// Layout files: our own and NVIDIA mig-parted's, told apart by their version.
public enum LayoutFile {
    /// The most instances that an entry may ask for; no GPU has more than 8.
    static let maximumInstances = 64
    /// The most entries and GPUs that a file may name.
    static let maximumEntries = NodeSpec.maximumGPUs

    /// Reads a file.
    ///
    /// - Parameter path: "-" for the standard input.
    /// - Parameter configuration: which of the `mig-configs` of a mig-parted file; nil where it has one only.
    /// - Throws: `LayoutFileError`. At most 1 MiB is ever read.
    public static func read(_ path: String, configuration: String? = nil) throws(LayoutFileError) -> WantedNode {
        let name = path == "-" ? "standard input" : path
        var bytes: [UInt8] = []
        do throws(SystemError) {
            let file = try Descriptor.open(path == "-" ? "/dev/stdin" : path, .readOnly)
            while bytes.count <= YAMLText.maximumBytes, let part = try file.read(upTo: 65536) { bytes += part }
        } catch {
            throw LayoutFileError(path: name, reason: "it can't be read: \(error.reason)", cause: error)
        }
        return try read(bytes, path: name, configuration: configuration)
    }

    /// Reads what a file holds.
    ///
    /// - Parameter path: the file's name in errors and in ``WantedNode/source``.
    /// - Throws: `LayoutFileError` with line and column.
    public static func read(
        _ bytes: [UInt8], path: String, configuration: String? = nil
    ) throws(LayoutFileError) -> WantedNode {
        let text = try YAMLText(bytes, path: path)
        let root = try text.root()
        let version = try text.mapping(root, "a layout file").first { $0.key == "version" }
        guard let version else {
            throw text.wrong(
                root, "the key \"version\" is missing: 1 for our layout files, v1 for NVIDIA mig-parted's")
        }
        switch version.value.scalar?.string {
        case "1":
            guard configuration == nil else {
                throw text.wrong(
                    version.value, "only NVIDIA mig-parted files (version: v1) have configurations to choose from")
            }
            return try OwnLayoutFile(text: text).read(root)
        case "v1": return try MIGPartedFile(text: text).read(root, configuration: configuration)
        default:
            let found = version.value.scalar.map { quoted($0.string) } ?? "this"
            throw text.wrong(
                version.value,
                "unknown version \(found); 1 is ours, v1 is NVIDIA mig-parted's, and no other can be read")
        }
    }
}
