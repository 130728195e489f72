/// How sizes in GPUs become sizes in compute slices.
public enum SizeMapping: String, Hashable, Sendable, Codable, CaseIterable {
    /// g GPUs are read as g slices: 1 to 4 as they are, 5 to 8 as 7; larger jobs and fractions are left out. The same jobs on a
    /// cluster whose unit is a leaf: a rescaling, not a measurement.
    case wSlice = "w-slice"
    /// k GPUs are 7k slices; fractions are left out. The control: MIG should bring nothing.
    case wWhole = "w-whole"
    /// A fraction becomes ceil(7 x milli / 1000) slices, k GPUs are 7k.
    case fCeil = "f-ceil"
    /// A fraction becomes the nearest number of slices, at least 1; k GPUs are 7k.
    case fNearest = "f-nearest"

    /// Why a rule has no size for a job.
    public enum Refusal: String, Hashable, Sendable, Codable, CaseIterable {
        case tooManyGPUs = "more GPUs than the rule maps"
        case fraction = "asks for a fraction, and the rule is for whole GPUs"
    }

    /// The slices of a job.
    public func slices(gpus: Int, milli: Int) -> Result<Int, Refusal> {
        switch self {
        case .wSlice:
            guard gpus > 0 else { return .failure(.fraction) }
            guard gpus <= 8 else { return .failure(.tooManyGPUs) }
            return .success(gpus <= 4 ? gpus : 7)
        case .wWhole:
            guard gpus > 0 else { return .failure(.fraction) }
            return .success(7 * gpus)
        case .fCeil: return .success(gpus > 0 ? 7 * gpus : (7 * milli + 999) / 1000)
        case .fNearest: return .success(gpus > 0 ? 7 * gpus : max(1, (7 * milli + 500) / 1000))
        }
    }

    /// One line for reports.
    public var words: String {
        switch self {
        case .wSlice:
            "g GPUs read as g slices (1 to 4 as they are, 5 to 8 as 7, more left out): a rescaling, not a measurement"
        case .wWhole: "k GPUs as k x 7 slices: the control, where MIG should bring nothing"
        case .fCeil: "fractions as ceil(7 x milli / 1000) slices, k GPUs as k x 7"
        case .fNearest: "fractions as the nearest number of slices, at least 1, k GPUs as k x 7"
        }
    }
}

extension SizeMapping.Refusal: Error {}
