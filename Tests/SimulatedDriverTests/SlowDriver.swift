import MIGModel
import SimulatedDriver

/// A driver that paints slices, written from NVIDIA's listings alone: no table of the project is used.
struct SlowDriver {
    struct Profile {
        let id: Int
        let starts: [Int]
        let size: Int
        let computeSlices: Int
        let maximum: Int
        var isMedia = false
    }

    struct Instance {
        let profile: Profile
        let start: Int
        /// By compute slice, the compute instance that has it.
        var compute: [UInt64?]
    }

    static let eight: [Profile] = [
        Profile(id: 19, starts: [0, 1, 2, 3, 4, 5, 6], size: 1, computeSlices: 1, maximum: 7),
        Profile(id: 20, starts: [0, 1, 2, 3, 4, 5, 6], size: 1, computeSlices: 1, maximum: 1, isMedia: true),
        Profile(id: 15, starts: [0, 2, 4, 6], size: 2, computeSlices: 1, maximum: 4),
        Profile(id: 14, starts: [0, 2, 4], size: 2, computeSlices: 2, maximum: 3),
        Profile(id: 9, starts: [0, 4], size: 4, computeSlices: 3, maximum: 2),
        Profile(id: 5, starts: [0], size: 4, computeSlices: 4, maximum: 1),
        Profile(id: 0, starts: [0], size: 8, computeSlices: 7, maximum: 1),
    ]
    static let four: [Profile] = [
        Profile(id: 14, starts: [0, 1, 2, 3], size: 1, computeSlices: 1, maximum: 4),
        Profile(id: 21, starts: [0, 1, 2, 3], size: 1, computeSlices: 1, maximum: 1, isMedia: true),
        Profile(id: 5, starts: [0, 2], size: 2, computeSlices: 2, maximum: 2),
        Profile(id: 6, starts: [0, 2], size: 2, computeSlices: 2, maximum: 1, isMedia: true),
        Profile(id: 0, starts: [0], size: 4, computeSlices: 4, maximum: 1),
    ]
    /// Compute slices by compute instance profile ID.
    static let computeSlices = [0: 1, 1: 2, 2: 3, 3: 4, 4: 7]

    /// The ids of the tree that lie over each memory slice, from the whole GPU to the slice.
    static let treeOfEight = [
        [0, 1, 3, 7], [0, 1, 3, 8], [0, 1, 4, 9], [0, 1, 4, 10], [0, 2, 5, 11], [0, 2, 5, 12], [0, 2, 6, 13],
        [0, 2, 6, 14],
    ]
    static let treeOfFour = [[0, 1, 3], [0, 1, 4], [0, 2, 5], [0, 2, 6]]

    let profiles: [Profile]
    let tree: [[Int]]
    var instances: [UInt64: Instance] = [:]
    var isEnabled = true

    init(slices: Int) {
        profiles = slices == 8 ? Self.eight : Self.four
        tree = slices == 8 ? Self.treeOfEight : Self.treeOfFour
    }

    func profile(_ id: Int) -> Profile? { profiles.first { $0.id == id } }

    /// How many instances lie on each memory slice.
    var paint: [Int] {
        var paint = [Int](repeating: 0, count: tree.count)
        for instance in instances.values {
            for slice in instance.start..<instance.start + instance.profile.size { paint[slice] += 1 }
        }
        return paint
    }

    func fits(_ profile: Profile, at start: Int) -> Bool {
        profile.starts.contains(start)
            && paint[start..<start + profile.size].allSatisfy { $0 == 0 }
            && instances.values.count { $0.profile.id == profile.id } < profile.maximum
            && !(profile.isMedia && instances.values.contains { $0.profile.isMedia })
    }

    /// What creating answers: nil where it succeeds.
    func refusal(creating id: Int, at place: Placement?) -> DriverRefusal? {
        guard isEnabled else { return .notSupported }
        guard let profile = profile(id) else { return .invalidArgument }
        let starts = place.map { $0.size == profile.size ? [$0.start] : [] } ?? profile.starts
        return starts.contains { fits(profile, at: $0) } ? nil : .insufficientResources
    }

    /// The id that is over these slices and no others.
    func treeID(start: Int, size: Int) -> Int? {
        let over = (start..<start + size).map { Set(tree[$0]) }
        let common = over.dropFirst().reduce(over[0]) { $0.intersection($1) }
        return common.first { id in tree.indices.filter { tree[$0].contains(id) } == Array(start..<start + size) }
    }

    /// How many more of a profile fit at once: the largest of all sets of its places that do.
    func capacity(of profile: Profile) -> Int {
        var best = 0
        for chosen in 0..<(1 << profile.starts.count) {
            var trial = self
            var count = 0
            for (bit, start) in profile.starts.enumerated() where chosen & 1 << bit != 0 {
                guard trial.fits(profile, at: start) else { continue }
                trial.instances[UInt64(1000 + bit)] = Instance(profile: profile, start: start, compute: [])
                count += 1
            }
            best = max(best, count)
        }
        return best
    }

    /// Where a compute instance of so many slices goes: the lowest free run.
    func computeStart(slices: Int, in instance: Instance) -> Int? {
        guard slices <= instance.compute.count else { return nil }
        return (0...(instance.compute.count - slices)).first { start in
            instance.compute[start..<start + slices].allSatisfy { $0 == nil }
        }
    }
}
