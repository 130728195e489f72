import MIGModel

/// Why a state file can't be used.
public enum StateFileProblem: Error, Hashable, Sendable, CustomStringConvertible {
    case notOurs
    case otherVersion(String)
    case incomplete
    case wrong(line: Int, reason: String)

    public var description: String {
        switch self {
        case .notOurs: "it was not made by flexmig"
        case .otherVersion(let version):
            "it was made by another version of flexmig (format \(version), this one reads \(DriverState.format))"
        case .incomplete: "it is half written (its last line or its checksum is missing)"
        case .wrong(let line, let reason): "line \(line): \(reason)"
        }
    }
}

/// The state file: lines of `key value` pairs between a header and a checksum.
extension DriverState {
    static let format = "1"
    private static let header = "flexmig-simulated-node "

    /// The state as the bytes of a state file.
    public func encoded() -> [UInt8] {
        var lines = [Self.header + Self.format, "spec \(spec)", "driver \(driverVersion)", "serial \(nextSerial)"]
        for gpu in gpus {
            lines.append(
                "gpu \(gpu.model.id.rawValue) \(gpu.uuid) \(gpu.numaNode) \(gpu.migEnabled ? 1 : 0) \(gpu.migPending ? 1 : 0)")
            for instance in gpu.instances {
                lines.append(
                    "gi \(instance.id) \(instance.profile) \(instance.placement.start) \(instance.placement.size) \(instance.serial)")
                for compute in instance.computeInstances {
                    lines.append(
                        "ci \(compute.id) \(compute.profile) \(compute.start) \(compute.slices) \(compute.uuid) \(compute.serial)")
                }
            }
        }
        let body = lines.joined(separator: "\n") + "\n"
        return Array((body + "end \(checksum(Array(body.utf8)))\n").utf8)
    }

    /// Reads a state file.
    public init(decoding bytes: [UInt8]) throws(StateFileProblem) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix(Self.header) else { throw bytes.isEmpty ? .incomplete : .notOurs }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let version = lines[0].dropFirst(Self.header.count)
        guard version == Self.format else { throw .otherVersion(String(version)) }
        // The last line ends with a newline, so the split has an empty piece after it.
        guard lines.count > 2, lines.last == "", let end = lines.dropLast().last, end.hasPrefix("end ") else {
            throw .incomplete
        }
        let body = lines.dropLast(2).joined(separator: "\n") + "\n"
        guard end.dropFirst(4) == checksum(Array(body.utf8)) else { throw .incomplete }

        var spec: NodeSpec?
        var driver: String?
        var serial: UInt64?
        var gpus: [SimulatedGPU] = []
        for (index, line) in lines.dropLast(2).enumerated().dropFirst() {
            var fields = LineFields(line: index + 1, fields: line.split(separator: " ").dropFirst()[...])
            switch line.prefix(while: { $0 != " " }) {
            case "spec":
                let text = try fields.text()
                do { spec = try NodeSpec(parsing: text) } catch { throw fields.wrong("\(error)") }
            case "driver": driver = try fields.text()
            case "serial": serial = UInt64(try fields.number())
            case "gpu":
                let id = try fields.text()
                guard let model = GPUModel.named(id) else { throw fields.wrong("unknown GPU model \(id)") }
                gpus.append(
                    SimulatedGPU(
                        model: model, uuid: try fields.text(), numaNode: try fields.number(),
                        migEnabled: try fields.number() == 1, migPending: try fields.number() == 1))
            case "gi":
                guard !gpus.isEmpty else { throw fields.wrong("a GPU instance before any GPU") }
                let instance = SimulatedGPUInstance(
                    id: try fields.number(), profile: try fields.number(),
                    placement: Placement(start: try fields.number(), size: try fields.number()),
                    serial: UInt64(try fields.number()))
                gpus[gpus.count - 1].instances.append(instance)
            case "ci":
                guard let gpu = gpus.indices.last, let last = gpus[gpu].instances.indices.last else {
                    throw fields.wrong("a compute instance before any GPU instance")
                }
                gpus[gpu].instances[last].computeInstances.append(
                    SimulatedComputeInstance(
                        id: try fields.number(), profile: try fields.number(), start: try fields.number(),
                        slices: try fields.number(), uuid: try fields.text(), serial: UInt64(try fields.number())))
            default: throw fields.wrong("unknown line \"\(line)\"")
            }
        }
        guard let spec, let driver, let serial else { throw .incomplete }
        self.init(spec: spec, driverVersion: driver, nextSerial: serial, gpus: gpus)
    }
}

/// The fields of one line, taken one after the other.
private struct LineFields {
    let line: Int
    var fields: ArraySlice<Substring>

    mutating func text() throws(StateFileProblem) -> String {
        guard let field = fields.popFirst() else { throw wrong("a field is missing") }
        return String(field)
    }

    mutating func number() throws(StateFileProblem) -> Int {
        let text = try text()
        guard let number = Int(text), number >= 0 else { throw wrong("\"\(text)\" is not a number") }
        return number
    }

    func wrong(_ reason: String) -> StateFileProblem { .wrong(line: line, reason: reason) }
}

/// FNV-1a, 64 bits: tells a torn file from a whole one, nothing more.
func checksum(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hex(Int(hash >> 32), digits: 8) + hex(Int(hash & 0xffff_ffff), digits: 8)
}
