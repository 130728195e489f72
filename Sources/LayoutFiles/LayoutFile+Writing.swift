import MIGModel

extension LayoutFile {
    /// One GPU of a layout file that is written.
    public struct WrittenGPU: Hashable, Sendable {
        public var gpu: GPUSelector
        /// Each with its placement.
        public var instances: [WantedProfile]
        /// A line above it for people; line breaks in it become spaces.
        public var comment: String

        public init(gpu: GPUSelector, instances: [WantedProfile], comment: String) {
            self.gpu = gpu
            self.instances = instances
            self.comment = comment
        }
    }

    /// The text of a layout file that ``read(_:path:configuration:)`` reads back as the same GPUs and instances.
    ///
    /// - Parameter heading: lines of comment at the top.
    public static func text(of gpus: [WrittenGPU], heading: [String]) -> String {
        func comment(_ text: String) -> String {
            // "&" before a letter would be taken for an anchor.
            "# " + text.map { $0.isNewline || $0 == "&" ? " " : String($0) }.joined()
        }
        var lines = heading.map(comment) + ["version: 1"]
        lines.append(gpus.isEmpty ? "gpus: []" : "gpus:")
        for gpu in gpus {
            lines += ["  " + comment(gpu.comment), "  - gpu: \(gpu.gpu)"]
            lines.append(gpu.instances.isEmpty ? "    instances: []" : "    instances:")
            lines += gpu.instances.map { "      - \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
