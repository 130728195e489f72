import DeviceInventory
import MIGModel

/// A figure that may be unknown: null in JSON, never left out.
struct KnownFigure: Encodable {
    let value: Int?

    init(_ value: Int?) { self.value = value }

    /// A leaf has 0 for what its driver does not say.
    init(ofLeaf value: Int) { self.value = value > 0 ? value : nil }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }

    /// For a table.
    func text(_ unit: String = "") -> String { value.map { "\($0)\(unit)" } ?? "unknown" }
}

extension NodeReport {
    /// What switching a GPU's MIG mode would take. Nothing here switches it.
    struct ModeSwitch: Encodable {
        /// For root.
        var command: String
        var takes: String

        init(_ gpu: GPU) {
            command = "nvidia-smi -i \(gpu.index) -mig \(gpu.migMode.isOn ? 0 : 1)"
            takes = MIGModeSwitch(gpu).explanation
        }
    }

    /// A profile that a GPU offers.
    struct ProfileReport: Encodable {
        var name: String
        var id: Int
        var maximum: Int
        /// How many more fit now.
        var free: Int
        var memoryMiB: KnownFigure
        var multiprocessors: KnownFigure
        var placements: [String]
        /// Where the figures come from, and the places.
        var source: String

        init(_ profile: MIGProfile, of gpu: GPU, isSimulated: Bool) {
            name = profile.name
            id = profile.id.rawValue
            maximum = profile.maximumInstances
            free = gpu.geometry.remainingCapacity(for: profile.id, in: gpu.layout)
            memoryMiB = KnownFigure(profile.memoryMiB)
            multiprocessors = KnownFigure(profile.multiprocessors)
            placements = profile.placements.map { "\($0)" }
            source = profile.source(on: gpu, isSimulated: isSimulated)
        }
    }
}

extension MIGProfile {
    /// Where the figures come from. A simulated driver has them from this project's tables, so it can't vouch for them.
    func source(on gpu: GPU, isSimulated: Bool) -> String {
        guard isSimulated, let model = gpu.model.flatMap({ GPUModel.named($0.rawValue) }),
            let row = model.geometry.profile(id: id)
        else { return evidence.explanation }
        let places =
            row.placementEvidence == row.evidence ? "" : "; places \(row.placementEvidence.explanation)"
        return "simulated: \(row.evidence.explanation)\(places)"
    }
}
