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
        case .incomplete: "it is half written or damaged (its last line is missing, or its checksum is wrong)"
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
                "gpu \(gpu.model.id.rawValue) \(gpu.uuid) \(gpu.numaNode) \(gpu.migEnabled ? 1 : 0) \(gpu.migPending ? 1 : 0)"
            )
            for instance in gpu.instances {
                lines.append(
                    "gi \(instance.id) \(instance.profile) \(instance.placement.start) \(instance.placement.size) \(instance.serial)"
                )
                for compute in instance.computeInstances {
                    lines.append(
                        "ci \(compute.id) \(compute.profile) \(compute.start) \(compute.slices) \(compute.uuid) \(compute.serial)"
                    )
                }
            }
        }
        let body = lines.joined(separator: "\n") + "\n"
        return Array((body + "end \(checksum(Array(body.utf8)))\n").utf8)
    }

    /// Reads a state file.
    public init(decoding bytes: [UInt8]) throws(StateFileProblem) {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // A file that ends within its first line may have been on its way to become any version.
        if lines.count == 1, Self.header.hasPrefix(text) || text.hasPrefix(Self.header) { throw .incomplete }
        guard text.hasPrefix(Self.header) else { throw .notOurs }
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
            case "serial": serial = try fields.serial()
            case "gpu":
                let id = try fields.text()
                guard let model = GPUModel.named(id) else { throw fields.wrong("unknown GPU model \(id)") }
                gpus.append(
                    SimulatedGPU(
                        model: model, uuid: try fields.text(), numaNode: try fields.number(upTo: 1023),
                        migEnabled: try fields.number(upTo: 1) == 1, migPending: try fields.number(upTo: 1) == 1))
            case "gi":
                guard !gpus.isEmpty else { throw fields.wrong("a GPU instance before any GPU") }
                let instance = SimulatedGPUInstance(
                    id: try fields.number(), profile: try fields.number(),
                    placement: Placement(start: try fields.number(), size: try fields.number()),
                    serial: try fields.serial())
                guard gpus[gpus.count - 1].hasRoom(for: instance) else {
                    throw fields.wrong("a GPU instance that this GPU can't have")
                }
                gpus[gpus.count - 1].instances.append(instance)
            case "ci":
                guard let gpu = gpus.indices.last, let last = gpus[gpu].instances.indices.last else {
                    throw fields.wrong("a compute instance before any GPU instance")
                }
                let compute = SimulatedComputeInstance(
                    id: try fields.number(), profile: try fields.number(), start: try fields.number(),
                    slices: try fields.number(), uuid: try fields.text(), serial: try fields.serial())
                guard gpus[gpu].hasRoom(for: compute, in: gpus[gpu].instances[last]) else {
                    throw fields.wrong("a compute instance that this GPU instance can't have")
                }
                gpus[gpu].instances[last].computeInstances.append(compute)
            default: throw fields.wrong("unknown line \"\(line)\"")
            }
        }
        guard let spec, let driver, let serial else { throw .incomplete }
        self.init(spec: spec, driverVersion: driver, nextSerial: serial, gpus: gpus)
        guard gpus.map(\.model.id) == spec.models.map(\.id) else {
            throw .wrong(line: lines.count - 2, reason: "the GPUs are not those of the spec")
        }
        guard hasDistinctSerials else { throw .wrong(line: lines.count - 2, reason: "a serial number is not new") }
    }

    private var hasDistinctSerials: Bool {
        let serials = gpus.flatMap(\.instances).flatMap { [$0.serial] + $0.computeInstances.map(\.serial) }
        return Set(serials).count == serials.count && serials.allSatisfy { $0 < nextSerial }
    }
}

/// Whether a state file may say what it says: a driver never makes anything else.
extension SimulatedGPU {
    fileprivate func hasRoom(for instance: SimulatedGPUInstance) -> Bool {
        let spec = MIGSpec(profile: .init(rawValue: instance.profile), placement: instance.placement)
        let ids = Set(instances.map { GPUInstanceID(rawValue: $0.id) })
        return migEnabled
            && model.geometry.openPlacements(for: spec.profile, in: layout).contains(spec.placement)
            && model.geometry.gpuInstanceID(for: spec, taken: ids)?.rawValue == instance.id
    }

    fileprivate func hasRoom(for compute: SimulatedComputeInstance, in instance: SimulatedGPUInstance) -> Bool {
        guard let profile = profile(instance.profile) else { return false }
        let slices = compute.start..<compute.start + compute.slices
        return compute.id < 8 && compute.slices == ComputeProfile.slices(compute.profile)
            && slices.upperBound <= profile.computeSlices
            && instance.computeInstances.allSatisfy {
                $0.id != compute.id && !slices.overlaps($0.start..<$0.start + $0.slices)
            }
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

    /// No number in a state file is large but a serial number.
    mutating func number(upTo maximum: Int = 65535) throws(StateFileProblem) -> Int {
        let text = try text()
        guard let number = Int(text), (0...maximum).contains(number) else {
            throw wrong("\"\(text)\" is not a number from 0 to \(maximum)")
        }
        return number
    }

    /// As large as a handle of the library can carry.
    mutating func serial() throws(StateFileProblem) -> UInt64 { UInt64(try number(upTo: 1 << 48 - 1)) }

    func wrong(_ reason: String) -> StateFileProblem { .wrong(line: line, reason: reason) }
}

/// FNV-1a, 64 bits: tells a torn file from a whole one, nothing more.
func checksum(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hex(Int(hash >> 32), digits: 8) + hex(Int(hash & 0xffff_ffff), digits: 8)
}
