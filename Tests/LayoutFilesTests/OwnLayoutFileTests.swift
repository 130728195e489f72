import LayoutFiles
import MIGModel
import Platform
import TestSupport
import Testing

/// Reads a text as a file of the name "f".
func read(_ text: String, configuration: String? = nil) throws -> WantedNode {
    try LayoutFile.read(Array(text.utf8), path: "f", configuration: configuration)
}

/// The message for a text that can't be read.
func refusal(_ text: String, configuration: String? = nil) throws -> String {
    "\(try #require(throws: LayoutFileError.self) { try read(text, configuration: configuration) })"
}

struct OwnLayoutFileTests {
    @Test func everyWayToNameAGPUAndALayout() throws {
        let wanted = try read(
            """
            # A node
            version: 1
            gpus:
              - gpu: all
                layout: thin
              - gpu: [0, a100-40gb]
                instances: [3g.20gb@0:4, 1g.5gb+me@4:1]
                profiles: {1g.5gb: 2}
              - gpu: GPU-5c0f
                instances: []
            """)
        #expect(wanted.precedence == .narrowest && wanted.source == "f")
        let placed = [
            WantedProfile(name: "3g.20gb", placement: Placement(start: 0, size: 4)),
            WantedProfile(name: "1g.5gb+me", placement: Placement(start: 4, size: 1)),
        ]
        let free = WantedProfile(name: "1g.5gb")
        #expect(
            wanted.entries == [
                WantedEntry(gpus: [.all], instances: .named(.thin), line: 4),
                WantedEntry(
                    gpus: [.index(0), .model("a100-40gb")], instances: .profiles(placed + [free, free]), line: 6),
                WantedEntry(gpus: [.uuid(GPUUUID(rawValue: "GPU-5c0f"))], instances: .profiles([]), line: 9),
            ])
    }

    /// JSON is YAML.
    @Test func json() throws {
        let wanted = try read(#"{"version": 1, "gpus": [{"gpu": "1", "layout": "full"}]}"#)
        #expect(wanted.entries.map(\.instances) == [.named(.full)])
        #expect(wanted.entries[0].gpus == [.index(1)])
    }

    @Test(arguments: GPUModel.all)
    func whatIsWrittenIsReadBack(model: GPUModel) throws {
        let layouts = model.geometry.placedLayouts().prefix(400)
        let written = layouts.enumerated().map { index, layout in
            LayoutFile.WrittenGPU(
                gpu: index.isMultiple(of: 2) ? .index(index) : .uuid(GPUUUID(rawValue: "GPU-\(index)")),
                instances: layout.specs.map {
                    WantedProfile(name: model.geometry.profile(id: $0.profile)?.name ?? "?", placement: $0.placement)
                }, comment: "A&B \"x\": \n#")
        }
        let wanted = try read(LayoutFile.text(of: written, heading: ["a\nversion: 2", "&x"]))
        #expect(wanted.entries.map(\.gpus) == written.map { [$0.gpu] })
        #expect(wanted.entries.map(\.instances) == written.map { .profiles($0.instances) })
    }

    static let mistakes: [(String, String, String)] = [
        ("empty", "", "f: it is empty; a layout file begins with"),
        ("a comment", "# x\n", "f: it is empty"), ("a mark", "---\n", "f: it is empty"),
        ("a text", "hello", "f:1:1: a layout file must be \"key: value\" lines"),
        ("no version", "gpus: []", "f:1:1: the key \"version\" is missing: 1 for our layout files, v1 for NVIDIA"),
        ("other version", "version: 2\n", "f:1:10: unknown version \"2\"; 1 is ours"),
        ("version of an odd kind", "version: [1]\n", "f:1:10: unknown version this"),
        ("no gpus", "version: 1", "f:1:1: the key \"gpus\" is missing"),
        ("empty gpus", "version: 1\ngpus: []", "f:2:1: gpus is empty"),
        ("gpus of an odd kind", "version: 1\ngpus: 3", "f:2:7: gpus must be a list"),
        ("unknown key", "version: 1\ngpu: []", "f:2:1: unknown key \"gpu\"; known here: version, gpus"),
        ("control characters", "version: 1\n\"\\e[31m\": 1", "f:2:1: unknown key \"?[31m\""),
        ("entry of an odd kind", "version: 1\ngpus:\n  - 3", "f:3:5: an entry of gpus must be"),
        (
            "unknown key in an entry", "version: 1\ngpus:\n  - gpu: 0\n    Layout: thin",
            "f:4:5: unknown key \"Layout\"; known here: gpu, layout, instances, profiles"
        ),
        ("no gpu", "version: 1\ngpus:\n  - layout: thin", "f:3:5: the entry does not say which gpu"),
        ("nothing wanted", "version: 1\ngpus:\n  - gpu: 0", "f:3:5: the entry does not say what the GPU should have"),
        (
            "two wishes", "version: 1\ngpus:\n  - {gpu: 0, layout: thin, instances: []}",
            "f:3:5: an entry has a layout by name, or instances"
        ),
        (
            "unknown layout", "version: 1\ngpus:\n  - {gpu: 0, layout: fat}",
            "f:3:22: unknown layout \"fat\"; known: thin"
        ),
        ("layout of an odd kind", "version: 1\ngpus:\n  - {gpu: 0, layout: [thin]}", "f:3:22: layout must be a text"),
        ("no layout", "version: 1\ngpus:\n  - {gpu: 0, layout: ~}", "f:3:22: layout must be a text"),
        (
            "unknown gpu", "version: 1\ngpus:\n  - {gpu: a17, layout: thin}",
            "f:3:11: unknown GPU \"a17\"; write an index"
        ),
        (
            "large index", "version: 1\ngpus:\n  - {gpu: 99999999999999999999, layout: thin}",
            "f:3:11: a GPU's index must be"
        ),
        (
            "broken index", "version: 1\ngpus:\n  - {gpu: 1.5, layout: thin}",
            "f:3:11: a GPU's index must be a whole number"
        ),
        ("negative index", "version: 1\ngpus:\n  - {gpu: -1, layout: thin}", "f:3:11: unknown GPU \"-1\""),
        ("empty gpu", "version: 1\ngpus:\n  - {gpu: [], layout: thin}", "f:3:11: gpu is empty"),
        (
            "gpu twice", "version: 1\ngpus:\n  - {gpu: 0, layout: thin}\n  - {gpu: [1, 0], layout: full}",
            "f:4:15: GPU \"0\" is there twice, first in line 3"
        ),
        ("key twice", "version: 1\nversion: 1\n", "f:1:1: the key \"version\" is there twice"),
        ("key twice, quoted", "version: 1\n\"version\": 1\n", "f:1:1: the key \"version\" is there twice"),
        (
            "placement of an odd kind", "version: 1\ngpus:\n  - gpu: 0\n    instances: [1g.5gb@0]",
            "f:4:17: \"1g.5gb@0\" is not PROFILE@START:SIZE"
        ),
        (
            "no placement", "version: 1\ngpus:\n  - gpu: 0\n    instances: [1g.5gb]",
            "f:4:17: \"1g.5gb\" is not PROFILE@START:SIZE, such as 1g.5gb@0:1; profiles without a placement go under"
        ),
        (
            "no profile", "version: 1\ngpus:\n  - gpu: 0\n    instances: [small@0:1]",
            "f:4:17: \"small\" is no profile's name"
        ),
        (
            "overlap", "version: 1\ngpus:\n  - gpu: 0\n    instances: [3g.20gb@0:4, 1g.5gb@3:1]",
            "f:4:30: \"1g.5gb@3:1\" overlaps \"3g.20gb@0:4\""
        ),
        (
            "part of an instance", "version: 1\ngpus:\n  - gpu: 0\n    profiles: {1c.3g.20gb: 1}",
            "f:4:16: \"1c.3g.20gb\" is part of a GPU instance; a leaf here is always a whole one: write \"3g.20gb\""
        ),
        (
            "odd count", "version: 1\ngpus:\n  - gpu: 0\n    profiles: {1g.5gb: many}",
            "f:4:24: the number of \"1g.5gb\" must be a whole number from 0 to 64"
        ),
        (
            "large counts", "version: 1\ngpus:\n  - gpu: 0\n    profiles: {1g.5gb: 64, 2g.10gb: 64}",
            "f:4:37: more than 64 instances for one GPU"
        ),
        ("no YAML", "version: 1\ngpus: [", "f:3:1: it is not YAML: "),
        ("two documents", "version: 1\n---\nversion: 1\n", "f:2:1: a second document begins here"),
        ("an anchor", "version: 1\ngpus: &a [*a]", "f:2:7: anchors (&name) and aliases are not read"),
        ("an alias of nothing", "version: 1\ngpus: [*a]", "f:2:8: it is not YAML: found undefined alias"),
        ("a key that is a list", "version: 1\n? [a]\n: b", "f:2:3: a key must be a text"),
    ]

    @Test(arguments: mistakes) func mistakesHaveAPlace(what: String, text: String, message: String) throws {
        let told = try refusal(text)
        #expect(told.hasPrefix(message), "\(what): \(told)")
    }

    @Test func bytesThatAreNoText() throws {
        for bytes in [[0xff, 0xfe, 0x31], Array("version: 1\0".utf8), [0xc3]] as [[UInt8]] {
            let error = try #require(throws: LayoutFileError.self) { try LayoutFile.read(bytes, path: "f") }
            #expect("\(error)" == "f: it is no text (UTF-8): not a layout file")
        }
    }

    /// Nine levels of nine aliases would be hundreds of millions of nodes, and as a key they would all be hashed.
    @Test func aliasBomb() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        #expect(try refusal(text + "? *a9\n: 1\n").hasPrefix("f:1:5: anchors"))
        for hidden in ["\"x #\": &a 1", "[&a 1]", "?&a 1", "{x:&a 1}", "\"\n# \": &a 1"] {
            #expect(try refusal(hidden).contains("anchors"), "\(hidden)")
        }
        // A word with "&" in it is none.
        #expect(try refusal("R&D: 1").hasPrefix("f:1:1: the key \"version\" is missing"))
    }

    @Test func deepNesting() throws {
        for text in [String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000) + "x"] {
            #expect(try refusal(text).hasPrefix("f:"))
        }
    }

    @Test func filesThatCanNotBeRead() throws {
        let directory = try TemporaryDirectory()
        func message(_ path: String) throws -> String {
            "\(try #require(throws: LayoutFileError.self) { try LayoutFile.read(path) })"
        }
        let missing = directory.path("none")
        #expect(try message(missing) == "\(missing): it can't be read: No such file or directory")
        #expect(try message(directory.path) == "\(directory.path): it can't be read: Is a directory")
        // It never ends; it is left after 1 MiB.
        #expect(try message("/dev/zero") == "/dev/zero: it is longer than 1 MiB: not a layout file")
        let huge = directory.path("huge")
        try Files.replace(huge, with: [UInt8](repeating: 0x20, count: 1 << 20 + 1))
        #expect(try message(huge) == "\(huge): it is longer than 1 MiB: not a layout file")
    }
}
