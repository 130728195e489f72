import MIGModel

/// So many leaves, each of so many compute slices.
public struct GangWish: Hashable, Sendable {
    /// Which memory the leaves may have, beyond what a rank needs.
    public enum Memory: Hashable, Sendable {
        /// The profile with the least memory that is enough.
        case least
        /// Only the profile with the least memory of its size.
        case single
        /// Only profiles with more than the least of their size.
        case double
        /// Any that is enough, different ones in one gang too.
        case mixed
    }

    /// In ``computeSlices``: leaves of any size, different ones in one gang too.
    public static let anySize = 0

    public var computeSlices: Int
    public var count: Int
    public var memory: Memory
    /// Whether it is for jobs alone that no wish before it can ever serve, for want of memory.
    public var isLastResort: Bool

    public init(computeSlices: Int, count: Int, memory: Memory = .least, isLastResort: Bool = false) {
        self.computeSlices = computeSlices
        self.count = count
        self.memory = memory
        self.isLastResort = isLastResort
    }
}

extension GangWish {
    /// One instance of each size that is enough, the smallest first; whole GPUs for more than one GPU's slices.
    package static func oneInstance(slices: Int, profiles: [MIGProfile]) -> [GangWish] {
        let sizes = Set(profiles.map(\.computeSlices)).sorted()
        guard let whole = sizes.last else { return [] }
        if slices > whole {
            return [GangWish(computeSlices: whole, count: (slices + whole - 1) / whole)]
        }
        // With double memory or without, whatever is there; where it is to be cut, without if that is enough.
        return sizes.filter { $0 >= slices }.map { GangWish(computeSlices: $0, count: 1, memory: .mixed) }
    }

    /// The smallest instance that is enough; a larger one only for jobs that need its memory.
    package static func smallestInstance(
        slices: Int, profiles: [MIGProfile], memory: Memory = .least
    ) -> [GangWish] {
        oneInstance(slices: slices, profiles: profiles).enumerated().map { place, wish in
            GangWish(computeSlices: wish.computeSlices, count: wish.count, memory: memory, isLastResort: place > 0)
        }
    }

    /// In fixed mode: a leaf of one slice for each slice of work. The smallest kind that can serve the whole gang alone; a
    /// mixture only where none can.
    public static func fixed(slices: Int) -> [GangWish] {
        [
            GangWish(computeSlices: 1, count: slices),
            GangWish(computeSlices: 1, count: slices, memory: .double),
            GangWish(computeSlices: 1, count: slices, memory: .mixed),
        ]
    }

    /// In hybrid mode: one instance that is enough, or several leaves that are so together.
    ///
    /// - Parameter leastShare: the smallest part of its size that a job may start with, above 0 and at most 1.
    public static func hybrid(slices: Int, profiles: [MIGProfile], leastShare: Double = 1) -> [GangWish] {
        // Of one instance only the smallest that is enough: a larger one is faster for one job and dearer for all others.
        var wishes = GangWish.smallestInstance(slices: slices, profiles: profiles)
        for size in Set(profiles.map(\.computeSlices)).sorted(by: >) where size < slices {
            let most = (slices + size - 1) / size
            // Two 3g leaves hold as much memory as a 7g instance and are about as fast: the one exception.
            let least = size == 3 && slices == 7 ? 2 : max(1, Int((Double(most) * leastShare).rounded(.up)))
            for count in stride(from: most, through: least, by: -1) where count > 1 || leastShare < 1 {
                guard size * count <= slices + 1 else { continue }
                wishes.append(GangWish(computeSlices: size, count: count))
            }
        }
        return wishes
    }
}
