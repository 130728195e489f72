/// A GPU architecture by NVML's number. Numbers without a name here are kept as they are.
public struct GPUArchitecture: RawRepresentable, Hashable, Sendable, Codable {
    /// `NVML_DEVICE_ARCH_*`.
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let ampere = GPUArchitecture(rawValue: 7)
    public static let ada = GPUArchitecture(rawValue: 8)
    public static let hopper = GPUArchitecture(rawValue: 9)
    public static let blackwell = GPUArchitecture(rawValue: 10)
    public static let rubin = GPUArchitecture(rawValue: 13)
}

extension GPUArchitecture: CustomStringConvertible {
    public var description: String {
        switch self {
        case .ampere: "Ampere"
        case .ada: "Ada"
        case .hopper: "Hopper"
        case .blackwell: "Blackwell"
        case .rubin: "Rubin"
        default: "architecture \(rawValue)"
        }
    }
}

/// CUDA's compute capability, such as 8.0. Orders by major, then by minor number.
public struct ComputeCapability: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    public static func < (left: ComputeCapability, right: ComputeCapability) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    public var description: String { "\(major).\(minor)" }
}
