import LeafScheduling
import MIGModel
import Testing

/// A node in a word: each GPU as a string of leaves, `t` thin, `f` fat, `2` a 2g leaf; capitals are held by others.
struct SmallNode {
    let all: [Leaf]
    let free: [Leaf]

    init(_ gpus: String...) {
        var all: [Leaf] = []
        var free: [Leaf] = []
        for (gpu, letters) in gpus.enumerated() {
            for (position, letter) in letters.enumerated() {
                let leaf = Self.leaf(letter.lowercased(), gpu: gpu, position: position)
                all.append(leaf)
                if !letter.isUppercase { free.append(leaf) }
            }
        }
        self.all = all
        self.free = free
    }

    static func leaf(_ letter: String, gpu: Int, position: Int) -> Leaf {
        let (type, memory, multiprocessors): (LeafType, Int, Int) =
            switch letter {
            case "f": (.fat, 20096, 26)
            case "2": (.other(profile: "2g.20gb"), 20096, 32)
            default: (.thin, 9984, 16)
            }
        return Leaf(
            uuid: MIGDeviceUUID(rawValue: "MIG-\(gpu)-\(position)"), gpu: gpu,
            gpuInstance: GPUInstanceID(rawValue: position), computeInstance: 0, profile: "\(type)", leafType: type,
            placement: Placement(start: position, size: 1), memoryMiB: memory, multiprocessors: multiprocessors,
            numaNode: nil)
    }
}

struct LeafChoiceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let node: SmallNode
        let request: LeafRequest
        /// The chosen leaves as "gpu.position", or "shortage FREE/SUITABLE", or "impossible SUITABLE/ALL".
        let choice: String
        var testDescription: String { word }
    }

    static let cases: [Case] = [
        Case(
            word: "pack takes the fullest GPU that holds the gang", node: SmallNode("ttttttt", "tttTTTT", "ttttTTT"),
            request: LeafRequest(count: 4), choice: "2.0 2.1 2.2 2.3"),
        Case(
            word: "pack fits one leaf into the smallest hole", node: SmallNode("ttttttt", "tTTTTTT"),
            request: LeafRequest(count: 1), choice: "1.0"),
        Case(
            word: "pack over two GPUs: the emptiest, then the smallest rest",
            node: SmallNode("tttTTTT", "ttttttt", "ttTTTTT"),
            request: LeafRequest(count: 9), choice: "1.0 1.1 1.2 1.3 1.4 1.5 1.6 2.0 2.1"),
        Case(
            word: "pack of equals takes the first", node: SmallNode("ttt", "ttt"),
            request: LeafRequest(count: 2), choice: "0.0 0.1"),
        Case(
            word: "spread takes every GPU", node: SmallNode("ttt", "ttt", "ttt"),
            request: LeafRequest(count: 3, arrangement: .spread), choice: "0.0 1.0 2.0"),
        Case(
            word: "spread takes the emptiest first", node: SmallNode("tTT", "ttt", "ttT"),
            request: LeafRequest(count: 2, arrangement: .spread), choice: "1.0 2.0"),
        Case(
            word: "spread goes round", node: SmallNode("tT", "ttt"),
            request: LeafRequest(count: 4, arrangement: .spread), choice: "0.0 1.0 1.1 1.2"),
        Case(
            word: "ranks go by GPU and place", node: SmallNode("Tt", "tT", "tt"),
            request: LeafRequest(count: 4, arrangement: .spread), choice: "0.1 1.0 2.0 2.1"),
        Case(
            word: "any takes thin ones where they do", node: SmallNode("ttf", "tff"),
            request: LeafRequest(count: 3), choice: "0.0 0.1 1.0"),
        Case(
            word: "any takes fat ones where only they are enough", node: SmallNode("tff", "ff"),
            request: LeafRequest(count: 3), choice: "0.1 0.2 1.0"),
        Case(
            word: "any mixes where no kind is enough", node: SmallNode("tf", "tf"),
            request: LeafRequest(count: 3), choice: "0.0 0.1 1.0"),
        Case(
            word: "thin only", node: SmallNode("fft", "ft"), request: LeafRequest(count: 2, kind: .thin),
            choice: "0.2 1.1"),
        Case(
            word: "fat only", node: SmallNode("ttf", "tf"), request: LeafRequest(count: 2, kind: .fat),
            choice: "0.2 1.1"),
        Case(
            word: "a 2g leaf is neither", node: SmallNode("22"), request: LeafRequest(count: 1, kind: .thin),
            choice: "impossible 0/2"),
        Case(
            word: "a 2g leaf will do for any", node: SmallNode("22"), request: LeafRequest(count: 2), choice: "0.0 0.1"),
        Case(
            word: "memory passes thin ones over", node: SmallNode("ttf2"),
            request: LeafRequest(count: 1, minimumMemoryMiB: 10_000), choice: "0.2"),
        Case(
            word: "memory to the last MiB", node: SmallNode("tf"),
            request: LeafRequest(count: 2, minimumMemoryMiB: 9984), choice: "0.0 0.1"),
        Case(
            word: "one MiB too much", node: SmallNode("tt"),
            request: LeafRequest(count: 1, minimumMemoryMiB: 9985), choice: "impossible 0/2"),
        Case(
            word: "all held", node: SmallNode("TTT"), request: LeafRequest(count: 2), choice: "shortage 0/3"),
        Case(
            word: "one short", node: SmallNode("tTT", "tF"), request: LeafRequest(count: 3, kind: .thin),
            choice: "shortage 2/4"),
        Case(
            word: "more than there are", node: SmallNode("tttt"), request: LeafRequest(count: 5),
            choice: "impossible 4/4"),
        Case(
            word: "more fat ones than there are", node: SmallNode("ttF"), request: LeafRequest(count: 2, kind: .fat),
            choice: "impossible 1/3"),
        Case(word: "no leaves at all", node: SmallNode(), request: LeafRequest(count: 1), choice: "impossible 0/0"),
        Case(
            word: "everything", node: SmallNode("tt", "tt"), request: LeafRequest(count: 4), choice: "0.0 0.1 1.0 1.1"),
    ]

    @Test(arguments: cases)
    func choice(test: Case) {
        let choice =
            switch test.request.choose(from: test.node.free, of: test.node.all) {
            case .leaves(let leaves): leaves.map { "\($0.gpu).\($0.placement.start)" }.joined(separator: " ")
            case .shortage(let free, let suitable): "shortage \(free)/\(suitable)"
            case .impossible(let suitable, let total): "impossible \(suitable)/\(total)"
            }
        #expect(choice == test.choice)
    }

    /// The order in which leaves are given must not matter.
    @Test func theOrderOfTheListsDoesNotMatter() {
        let node = SmallNode("tttfTf", "ttTff", "ttttt")
        for arrangement in LeafRequest.Arrangement.allCases {
            for kind in LeafRequest.Kind.allCases {
                for count in 1...4 {
                    let request = LeafRequest(count: count, kind: kind, arrangement: arrangement)
                    let choice = request.choose(from: node.free, of: node.all)
                    #expect(request.choose(from: node.free.reversed(), of: node.all.reversed()) == choice)
                }
            }
        }
    }

    @Test func sharesFollowMultiprocessors() {
        let node = SmallNode("tf2")
        let expected = [16, 26, 32].map { Double($0) / 74 }
        #expect(rankShares(of: node.all) == expected)
        #expect(rankShares(of: SmallNode("tttt").all) == [0.25, 0.25, 0.25, 0.25])
        var unknown = node.all
        unknown[1].multiprocessors = 0
        let equal = [Double](repeating: 1 / 3, count: 3)
        #expect(rankShares(of: unknown) == equal, "an unknown size")
        #expect(rankShares(of: []).isEmpty)
    }
}
