/// What a profile has in common on all GPUs with the same number of memory slices: everything but the figures.
///
/// IDs, placements and counts are as `nvidia-smi mig -lgip` and `-lgipp` print them. That an ID belongs to an index is certain for
/// indices 0 to 4, 7 and 9; for the others it follows from the names.
struct ProfileShape {
    let id: MIGProfile.ID
    let index: Int
    let computeSlices: Int
    let memorySlices: Int
    let starts: [Int]
    let maximumInstances: Int
    let computeInstanceProfile: Int

    /// The profile of one GPU. Placements are from listings unless said otherwise.
    func profile(
        _ name: String, memoryMiB: Int?, multiprocessors: Int?, _ engines: Engines,
        _ evidence: Evidence, placements placementEvidence: Evidence = .listing
    ) -> MIGProfile {
        MIGProfile(
            name: name, id: id, index: index,
            computeSlices: computeSlices, memorySlices: memorySlices,
            memoryMiB: memoryMiB, multiprocessors: multiprocessors, engines: engines,
            placements: starts.map { Placement(start: $0, size: memorySlices) },
            maximumInstances: maximumInstances, computeInstanceProfile: computeInstanceProfile,
            evidence: evidence, placementEvidence: placementEvidence)
    }
}

/// GPUs with 8 memory slices and 7 compute slices. The last memory slice has no compute slice of its own.
extension ProfileShape {
    static let oneOfEight = ProfileShape(
        id: 19, index: 0x0, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3, 4, 5, 6],
        maximumInstances: 7, computeInstanceProfile: 0)
    static let oneOfEightWithMedia = ProfileShape(
        id: 20, index: 0x7, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3, 4, 5, 6],
        maximumInstances: 1, computeInstanceProfile: 0)
    static let oneOfEightWithDoubleMemory = ProfileShape(
        id: 15, index: 0x9, computeSlices: 1, memorySlices: 2, starts: [0, 2, 4, 6],
        maximumInstances: 4, computeInstanceProfile: 0)
    static let twoOfEight = ProfileShape(
        id: 14, index: 0x1, computeSlices: 2, memorySlices: 2, starts: [0, 2, 4],
        maximumInstances: 3, computeInstanceProfile: 1)
    static let threeOfEight = ProfileShape(
        id: 9, index: 0x2, computeSlices: 3, memorySlices: 4, starts: [0, 4],
        maximumInstances: 2, computeInstanceProfile: 2)
    static let fourOfEight = ProfileShape(
        id: 5, index: 0x3, computeSlices: 4, memorySlices: 4, starts: [0],
        maximumInstances: 1, computeInstanceProfile: 3)
    static let wholeOfEight = ProfileShape(
        id: 0, index: 0x4, computeSlices: 7, memorySlices: 8, starts: [0],
        maximumInstances: 1, computeInstanceProfile: 4)
}

/// GPUs with 4 memory slices and 4 compute slices.
extension ProfileShape {
    static let oneOfFour = ProfileShape(
        id: 14, index: 0x0, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3],
        maximumInstances: 4, computeInstanceProfile: 0)
    static let oneOfFourWithMedia = ProfileShape(
        id: 21, index: 0x7, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3],
        maximumInstances: 1, computeInstanceProfile: 0)
    static let twoOfFour = ProfileShape(
        id: 5, index: 0x1, computeSlices: 2, memorySlices: 2, starts: [0, 2],
        maximumInstances: 2, computeInstanceProfile: 1)
    static let twoOfFourWithMedia = ProfileShape(
        id: 6, index: 0x8, computeSlices: 2, memorySlices: 2, starts: [0, 2],
        maximumInstances: 1, computeInstanceProfile: 1)
    static let wholeOfFour = ProfileShape(
        id: 0, index: 0x3, computeSlices: 4, memorySlices: 4, starts: [0],
        maximumInstances: 1, computeInstanceProfile: 3)
}

/// What the graphics Blackwells have beside the plain profiles of four slices: a `+` attribute adds engines, `-me` leaves
/// them out, `+gfx` can draw.
extension ProfileShape {
    static let oneOfFourWithGraphics = ProfileShape(
        id: 47, index: 0xA, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3],
        maximumInstances: 4, computeInstanceProfile: 0)
    static let oneOfFourWithAllMedia = ProfileShape(
        id: 65, index: 0xF, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3],
        maximumInstances: 1, computeInstanceProfile: 0)
    static let oneOfFourWithoutMedia = ProfileShape(
        id: 67, index: 0xD, computeSlices: 1, memorySlices: 1, starts: [0, 1, 2, 3],
        maximumInstances: 4, computeInstanceProfile: 0)
    static let twoOfFourWithGraphics = ProfileShape(
        id: 35, index: 0xB, computeSlices: 2, memorySlices: 2, starts: [0, 2],
        maximumInstances: 2, computeInstanceProfile: 1)
    static let twoOfFourWithAllMedia = ProfileShape(
        id: 64, index: 0x10, computeSlices: 2, memorySlices: 2, starts: [0, 2],
        maximumInstances: 1, computeInstanceProfile: 1)
    static let twoOfFourWithoutMedia = ProfileShape(
        id: 66, index: 0xE, computeSlices: 2, memorySlices: 2, starts: [0, 2],
        maximumInstances: 2, computeInstanceProfile: 1)
    static let wholeOfFourWithGraphics = ProfileShape(
        id: 32, index: 0xC, computeSlices: 4, memorySlices: 4, starts: [0],
        maximumInstances: 1, computeInstanceProfile: 3)
}

/// Graphics Blackwells with two slices: the IDs of the four-slice part, by meaning.
extension ProfileShape {
    /// The same profile on a GPU with two slices.
    func halved() -> ProfileShape {
        ProfileShape(
            id: id, index: index, computeSlices: computeSlices, memorySlices: memorySlices,
            starts: starts.filter { $0 + memorySlices <= 2 },
            maximumInstances: min(maximumInstances, 2 / memorySlices), computeInstanceProfile: computeInstanceProfile)
    }
}
