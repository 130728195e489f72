/// A way to idle instances of the wanted profiles on a node: at most one ``Recut`` for each GPU.
public struct NodeRecut: Hashable, Sendable {
    /// What one GPU gives.
    public struct Part: Hashable, Sendable {
        /// The GPU's position among those that were given.
        public let gpu: Int
        public let recut: Recut
    }

    /// Only the GPUs that give something, ascending.
    public let parts: [Part]

    /// GPU instances destroyed and created.
    public var cost: Int { parts.reduce(0) { $0 + $1.recut.cost } }

    /// Returns the cheapest way to have one idle instance of each of these profiles at the same time on a node, wherever they
    /// lie; no legal way costs less.
    ///
    /// Looks at what each GPU could give for which cost, once for all GPUs that are alike, then at all ways to share out what is
    /// wanted. The second part grows with the number of parts that the wanted multiset has (9 for eight instances of one profile)
    /// times GPUs times parts that one GPU can give.
    /// - Parameter wanted: profile names as the GPUs have them, several times for several instances. A GPU that has no profile of
    ///   a name gives none of it. A name can mean another profile on another kind of GPU: 1g.10gb is thin on an A100 with 80 GB and
    ///   fat on one with 40 GB.
    public static func cheapest(
        on gpus: [RecutState], toFree wanted: [String]
    ) -> Result<NodeRecut, RecutImpossible> {
        var names: [String] = []
        var counts: [Int] = []
        for name in wanted {
            if let position = names.firstIndex(of: name) {
                counts[position] += 1
            } else {
                guard gpus.contains(where: { $0.geometry.profile(named: name) != nil }) else {
                    return .failure(.unknownName(name))
                }
                names.append(name)
                counts.append(1)
            }
        }
        guard let sharing = NodeSharing(names: names, counts: counts) else { return .failure(.tooLarge) }
        if let parts = sharing.cheapest(on: gpus) {
            return .success(
                NodeRecut(
                    parts: zip(gpus.indices, parts).compactMap { gpu, wanted in
                        guard !wanted.isEmpty, case .success(let recut) = gpus[gpu].recut(toFree: wanted) else {
                            return nil
                        }
                        return Part(gpu: gpu, recut: recut)
                    }))
        }
        let empty = gpus.map { RecutState(geometry: $0.geometry, instances: []) }
        let isBusy = gpus.contains { $0.instances.contains { $0.use == .busy } }
        return .failure(isBusy && sharing.cheapest(on: empty) != nil ? .nodeBusy : .tooMuch)
    }
}

/// All ways to share out a wanted multiset over GPUs. A part of the multiset is a number: digits are counts, to the bases
/// `count + 1`.
private struct NodeSharing {
    private let names: [String]
    private let counts: [Int]
    private let steps: [Int]
    private let size: Int
    /// The digits of every number, one row after the other.
    private let digits: [Int32]

    /// nil where the multiset has more than a million parts.
    init?(names: [String], counts: [Int]) {
        var steps: [Int] = []
        var size = 1
        for count in counts {
            steps.append(size)
            guard count < 1 << 20 else { return nil }
            size *= count + 1
            guard size <= 1 << 20 else { return nil }
        }
        self.names = names
        self.counts = counts
        self.steps = steps
        self.size = size
        var digits: [Int32] = []
        digits.reserveCapacity(size * counts.count)
        for number in 0..<size {
            for kind in counts.indices { digits.append(Int32(number / steps[kind] % (counts[kind] + 1))) }
        }
        self.digits = digits
    }

    /// What one GPU can give.
    private struct Offer {
        let number: Int
        let digits: [Int]
        let cost: Int
    }

    /// The profiles that each GPU gives, at the least cost of all; nil where there is no way.
    func cheapest(on gpus: [RecutState]) -> [[MIGProfile.ID]]? {
        var costs = Array(repeating: Int.max, count: size)
        costs[0] = 0
        var given: [[Int32]] = []
        var known: [(state: RecutState, offers: [Offer])] = []
        for gpu in gpus {
            let offers: [Offer]
            if let alike = known.first(where: { $0.state == gpu }) {
                offers = alike.offers
            } else {
                offers = self.offers(of: gpu)
                known.append((gpu, offers))
            }
            var next = costs
            var choice = Array(repeating: Int32(0), count: size)
            for number in 0..<size where costs[number] != .max {
                for offer in offers where fits(offer, on: number) {
                    let cost = costs[number] + offer.cost
                    if cost < next[number + offer.number] {
                        next[number + offer.number] = cost
                        choice[number + offer.number] = Int32(offer.number)
                    }
                }
            }
            costs = next
            given.append(choice)
        }
        guard costs[size - 1] != .max else { return nil }
        var number = size - 1
        var parts: [[MIGProfile.ID]] = []
        for (gpu, choice) in zip(gpus, given).reversed() {
            let part = Int(choice[number])
            parts.append(profiles(of: part, on: gpu))
            number -= part
        }
        return parts.reversed()
    }

    /// Whether both together are a part of what is wanted.
    private func fits(_ offer: Offer, on number: Int) -> Bool {
        let row = number * counts.count
        for kind in counts.indices where Int(digits[row + kind]) + offer.digits[kind] > counts[kind] { return false }
        return true
    }

    private func profiles(of number: Int, on gpu: RecutState) -> [MIGProfile.ID] {
        counts.indices.flatMap { kind -> [MIGProfile.ID] in
            guard let id = gpu.geometry.profile(named: names[kind])?.id else { return [] }
            return Array(repeating: id, count: Int(digits[number * counts.count + kind]))
        }
    }

    private func offers(of gpu: RecutState) -> [Offer] {
        var kinds: [MIGProfile.ID] = []
        var most: [Int] = []
        var positions: [Int] = []
        for (position, name) in names.enumerated() {
            guard let profile = gpu.geometry.profile(named: name) else { continue }
            kinds.append(profile.id)
            most.append(min(counts[position], profile.placements.count))
            positions.append(position)
        }
        var search = RecutSearch(gpu, kinds: kinds, counts: most, wantsAll: false)
        var offers: [Offer] = []
        for (key, cost) in search.allCosts().enumerated() where cost != .max && key > 0 {
            var rest = key
            var digits = Array(repeating: 0, count: names.count)
            for (kind, position) in positions.enumerated() {
                digits[position] = rest % (most[kind] + 1)
                rest /= most[kind] + 1
            }
            offers.append(
                Offer(number: zip(digits, steps).reduce(0) { $0 + $1.0 * $1.1 }, digits: digits, cost: cost))
        }
        return offers
    }
}
