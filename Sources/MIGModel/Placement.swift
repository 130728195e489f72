/// The run of memory slices that a GPU instance occupies.
///
/// Slices are counted from 0. `4:2` is slices 4 and 5. Placements order by start, then by size.
/// Any pair of numbers can be held, since a driver may answer anything; only a geometry knows which placements are legal.
public struct Placement: Hashable, Sendable, Codable {
    /// First memory slice, 0 or more on every known GPU.
    public let start: Int

    /// Number of memory slices, 1 or more on every known GPU.
    public let size: Int

    public init(start: Int, size: Int) {
        self.start = start
        self.size = size
    }

    /// First memory slice after the placement.
    public var end: Int { start + size }

    /// Returns whether the two placements share a memory slice. A placement without slices shares none.
    public func overlaps(_ other: Placement) -> Bool {
        size > 0 && other.size > 0 && start < other.end && other.start < end
    }
}

extension Placement: Comparable {
    public static func < (left: Placement, right: Placement) -> Bool {
        (left.start, left.size) < (right.start, right.size)
    }
}

extension Placement: LosslessStringConvertible {
    /// `start:size`, as `nvidia-smi mig -lgi` prints it: `4:2`.
    public var description: String { "\(start):\(size)" }

    /// Reads `start:size` in decimal digits. Returns nil for anything else, a sign or a space included, and for size 0.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ part in part.allSatisfy { ("0"..."9").contains($0) } }),
            let start = Int(parts[0]), let size = Int(parts[1]), size > 0,
            !start.addingReportingOverflow(size).overflow
        else { return nil }
        self.init(start: start, size: size)
    }
}
