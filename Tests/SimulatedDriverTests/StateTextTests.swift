import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// The state file: what was written comes back, anything else is an error and never a crash or another state.
struct StateTextTests {
    /// States as random operations leave them.
    static func randomStates(_ count: Int, spec: String, using random: inout SplitMix) throws -> [DriverState] {
        try (0..<count).map { _ in
            var state = DriverState(spec: try NodeSpec(parsing: spec), using: &random)
            for _ in 0..<Int.random(in: 0..<40, using: &random) {
                let gpu = Int.random(in: state.gpus.indices, using: &random)
                let profile = state.gpus[gpu].model.geometry.profiles.randomElement(using: &random)
                let instance = state.gpus[gpu].instances.randomElement(using: &random)
                switch Int.random(in: 0..<8, using: &random) {
                case 0..<4: _ = try? state.createGPUInstance(profile: profile?.id.rawValue ?? 0, at: nil, on: gpu)
                case 4..<6:
                    let id = Int.random(in: 0..<5, using: &random)
                    _ = try? state.createComputeInstance(profile: id, in: instance?.serial ?? 0, using: &random)
                case 6:
                    try? state.destroyComputeInstance(serial: instance?.computeInstances.first?.serial ?? 0)
                    try? state.destroyGPUInstance(serial: instance?.serial ?? 0)
                default: _ = state.setMIGMode(Bool.random(using: &random), on: gpu)
                }
            }
            return state
        }
    }

    @Test(arguments: ["a100-40gb:1", "a30-24gb:3", "h100-80gb:2,h200-141gb:1,a100-80gb:1", "h100-80gb-pcie:8"])
    func comesBackAsItWas(spec: String) throws {
        var random = SplitMix(seed: 77)
        for state in try Self.randomStates(100, spec: spec, using: &random) {
            let bytes = state.encoded()
            #expect(try DriverState(decoding: bytes) == state, "seed \(random.seed)")
            #expect(try DriverState(decoding: bytes).encoded() == bytes)
        }
    }

    @Test func truncatedAnywhereIsIncomplete() throws {
        var random = SplitMix(seed: 78)
        let state = try #require(
            try Self.randomStates(8, spec: "a100-40gb:2", using: &random).max {
                $0.encoded().count < $1.encoded().count
            })
        let bytes = state.encoded()
        #expect(bytes.count > 500)
        for length in 0..<bytes.count {
            #expect(throws: StateFileProblem.incomplete, "seed \(random.seed): first \(length) bytes") {
                try DriverState(decoding: Array(bytes[..<length]))
            }
        }
    }

    /// A flipped bit, a changed byte, bytes lost, doubled or swapped: never a state, unless it is the same one.
    @Test func damageIsNoticed() throws {
        var random = SplitMix(seed: 79)
        let states = try Self.randomStates(20, spec: "a100-40gb:1,a30-24gb:1", using: &random)
        for turn in 0..<4000 {
            let state = try #require(states.randomElement(using: &random))
            let original = state.encoded()
            var bytes = original
            let position = Int.random(in: bytes.indices, using: &random)
            switch turn % 5 {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.remove(at: position)
            case 3: bytes.insert(bytes[position], at: position)
            default: bytes.swapAt(position, Int.random(in: bytes.indices, using: &random))
            }
            if bytes == original { continue }
            #expect(throws: StateFileProblem.self, "seed \(random.seed), turn \(turn)") {
                try DriverState(decoding: bytes)
            }
        }
    }

    @Test func noiseIsNoState() {
        var random = SplitMix(seed: 80)
        for length in 0..<400 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(throws: StateFileProblem.self) { try DriverState(decoding: bytes) }
        }
    }

    struct Nonsense: Sendable, CustomTestStringConvertible {
        let word: String
        /// Lines of an A100's file after its GPU.
        var lines: [String] = []
        var header = "flexmig-simulated-node 1"
        var spec = "spec a100-40gb:1"
        var gpu = "gpu a100-40gb GPU-1 0 1 1"
        var serial = "serial 9"
        let message: String
        var testDescription: String { word }
    }

    /// Files with a right checksum that no driver of this version writes.
    static let nonsense: [Nonsense] = [
        Nonsense(
            word: "the next version", header: "flexmig-simulated-node 2",
            message: "another version of flexmig (format 2"),
        Nonsense(
            word: "no version", header: "flexmig-simulated-node ", message: "another version of flexmig (format ,"),
        Nonsense(word: "somebody else's", header: "flexmig-cluster 1", message: "not made by flexmig"),
        Nonsense(word: "an unknown model", spec: "spec b300:1", message: "line 2: node spec item \"b300:1\""),
        Nonsense(word: "an unknown GPU", gpu: "gpu b300 GPU-1 0 1 1", message: "line 5: unknown GPU model b300"),
        Nonsense(word: "fewer GPUs than in the spec", spec: "spec a100-40gb:2", message: "not those of the spec"),
        Nonsense(word: "other GPUs than in the spec", spec: "spec a30-24gb:1", message: "not those of the spec"),
        Nonsense(word: "no serial number", serial: "driver 1", message: "half written"),
        Nonsense(word: "a word for a number", serial: "serial x", message: "line 4: \"x\" is not a number"),
        Nonsense(word: "a negative number", serial: "serial -1", message: "is not a number"),
        Nonsense(word: "a number too large for Int", serial: "serial 99999999999999999999", message: "is not a number"),
        Nonsense(
            word: "a serial number too large for a handle", serial: "serial 281474976710656", message: "is not a number"
        ),
        Nonsense(
            word: "a NUMA node that is none", gpu: "gpu a100-40gb GPU-1 4294967296 1 1", message: "is not a number"),
        Nonsense(word: "a mode that is none", gpu: "gpu a100-40gb GPU-1 0 2 1", message: "is not a number from 0 to 1"),
        Nonsense(word: "a field too few", gpu: "gpu a100-40gb GPU-1 0 1", message: "line 5: a field is missing"),
        Nonsense(word: "an unknown line", lines: ["fault 7"], message: "line 6: unknown line \"fault 7\""),
        Nonsense(word: "an empty line", lines: [""], message: "line 6: unknown line"),
        Nonsense(word: "an unknown profile", lines: ["gi 13 77 6 1 1"], message: "line 6: a GPU instance that"),
        Nonsense(word: "an illegal place", lines: ["gi 14 19 7 1 1"], message: "can't have"),
        Nonsense(word: "the largest place", lines: ["gi 14 19 9223372036854775807 1 1"], message: "is not a number"),
        Nonsense(word: "another id than the tree's", lines: ["gi 12 19 6 1 1"], message: "can't have"),
        Nonsense(
            word: "an overlap", lines: ["gi 13 19 6 1 1", "gi 6 15 6 2 2"], message: "line 7: a GPU instance that"),
        Nonsense(
            word: "instances with MIG mode off", lines: ["gi 13 19 6 1 1"], gpu: "gpu a100-40gb GPU-1 0 0 0",
            message: "can't have"),
        Nonsense(word: "a compute instance alone", lines: ["ci 0 0 0 1 MIG-1 2"], message: "before any GPU instance"),
        Nonsense(
            word: "too many compute slices", lines: ["gi 13 19 6 1 1", "ci 0 1 0 2 MIG-1 2"],
            message: "line 7: a compute"),
        Nonsense(
            word: "slices that are not the profile's", lines: ["gi 1 5 0 4 1", "ci 0 0 0 2 MIG-1 2"],
            message: "can't have"),
        Nonsense(
            word: "two compute instances on a slice",
            lines: ["gi 1 5 0 4 1", "ci 0 1 0 2 MIG-1 2", "ci 1 0 1 1 MIG-2 3"],
            message: "line 8"),
        Nonsense(
            word: "a compute instance's id twice", lines: ["gi 1 5 0 4 1", "ci 0 0 0 1 MIG-1 2", "ci 0 0 1 1 MIG-2 3"],
            message: "line 8"),
        Nonsense(
            word: "a serial number twice", lines: ["gi 13 19 6 1 1", "gi 12 19 5 1 1"],
            message: "serial number is not new"),
        Nonsense(
            word: "a serial number from the future", lines: ["gi 13 19 6 1 9"], message: "serial number is not new"),
    ]

    @Test(arguments: nonsense)
    func nonsenseIsRefused(test: Nonsense) throws {
        let lines = [test.header, test.spec, "driver 1.2", test.serial, test.gpu] + test.lines
        let problem = try #require(throws: StateFileProblem.self) { try DriverState(decoding: signed(lines)) }
        #expect(problem.description.contains(test.message), "it says: \(problem)")
    }

    @Test func theTestsOwnSignatureIsRight() throws {
        let lines = [
            "flexmig-simulated-node 1", "spec a100-40gb:1", "driver 1.2", "serial 9", "gpu a100-40gb GPU-1 0 1 1",
        ]
        let state = try DriverState(decoding: signed(lines + ["gi 1 5 0 4 1", "ci 1 1 2 2 MIG-1 2"]))
        #expect(state.driverVersion == "1.2")
        #expect(state.gpus[0].instances.first?.computeInstances.first?.uuid == "MIG-1")
    }

    /// The lines with the checksum that the format has: 64-bit FNV-1a.
    private func signed(_ lines: [String]) -> [UInt8] {
        let body = Array(lines.map { $0 + "\n" }.joined().utf8)
        let hash = body.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return body + Array("end \(String(repeating: "0", count: 16 - digits.count))\(digits)\n".utf8)
    }
}
