import Foundation
import MIGModel
import Testing

/// The search against brute force: cost, and that the way is legal step by step.
///
/// All states of a GPU with at most three busy instances, each with a share of the multisets that takes turns;
/// FLEXMIG_RECUT_FULL=1 takes all multisets with each.
@Suite struct RecutOptimumTests {
    private static let turns = ProcessInfo.processInfo.environment["FLEXMIG_RECUT_FULL"] == "1" ? 1 : 24

    @Test func noWayIsCheaperOnA100() throws {
        try compare(.a100, GPUModel.a100With80GB.geometry, turns: Self.turns)
    }

    @Test func noWayIsCheaperOnA30() throws {
        try compare(.a30, GPUModel.a30.geometry, turns: 1)
    }

    private func compare(_ oracle: RecutOracle, _ geometry: MIGGeometry, turns: Int) throws {
        let multisets = Set(oracle.multisets.values).sorted()
        var states = 0
        var asked = 0
        var possible = 0
        for set in oracle.legalSets {
            for (busy, idle) in oracle.splits(of: set, most: 3) {
                let costs = oracle.leastCosts(busy: busy, idle: idle)
                let state = RecutState(
                    geometry: geometry,
                    instances: oracle.specs(busy).map { .init($0, .busy) }
                        + oracle.specs(idle).map { .init($0, .idle) })
                for position in stride(from: states % turns, to: multisets.count, by: turns) {
                    let wanted = multisets[position]
                    let least = costs.filter { RecutOracle.contains($0.key, wanted) }.map(\.value).min()
                    asked += 1
                    if least != nil { possible += 1 }
                    let problem = judge(
                        state.recut(toFree: oracle.profiles(of: wanted)), least: least, oracle, busy, idle, wanted)
                    if let problem {
                        try #require(
                            Bool(false), "\(problem): \(state.instances), wanted \(oracle.profiles(of: wanted))")
                    }
                }
                states += 1
            }
        }
        #expect(states > oracle.legalSets.count && possible > states / 10 && asked > possible)
    }

    /// What is wrong with an answer; nil for nothing.
    private func judge(
        _ answer: Result<Recut, RecutImpossible>, least: Int?, _ oracle: RecutOracle, _ busy: UInt64, _ idle: UInt64,
        _ wanted: UInt64
    ) -> String? {
        switch answer {
        case .failure(let reason):
            return least.map { "refused (\(reason)) what costs \($0)" }
        case .success(let recut):
            guard let least else { return "found a way where there is none: \(recut)" }
            if recut.cost != least { return "costs \(recut.cost) instead of \(least)" }
            var there = busy | idle
            for step in recut.steps {
                switch step {
                case .destroy(let spec):
                    guard let bit = oracle.bit(of: spec), idle & bit != 0, there & bit != 0 else {
                        return "destroys \(spec), which is not idle"
                    }
                    there &= ~bit
                case .create(let spec):
                    guard let bit = oracle.bit(of: spec), there & bit == 0, oracle.multisets[there | bit] != nil else {
                        return "creates \(spec), which does not fit"
                    }
                    there |= bit
                }
            }
            let free = recut.free.compactMap { oracle.bit(of: $0) }.reduce(UInt64(0), |)
            if free & ~there != 0 || free & busy != 0 { return "names as free what is not" }
            if oracle.multisets[free] != wanted || recut.free.count != free.nonzeroBitCount {
                return "frees something else: \(recut.free)"
            }
            return recut.layout.specs == oracle.specs(there).sorted() ? nil : "ends in another layout: \(recut.layout)"
        }
    }

    /// Two GPUs of which each is in one of all states of an A30, drawn by a fixed rule.
    @Test func noSharingIsCheaperOnANode() throws {
        let oracle = RecutOracle.a30
        let geometry = GPUModel.a30.geometry
        let states = oracle.legalSets.flatMap { oracle.splits(of: $0, most: 2) }
        let multisets = Set(oracle.multisets.values).sorted()
        var asked = 0
        for number in 0..<400 {
            let pair = [states[number * 7919 % states.count], states[number * 104_729 % states.count]]
            let costs = pair.map { oracle.leastCosts(busy: $0.busy, idle: $0.idle) }
            let gpus = pair.map { state in
                RecutState(
                    geometry: geometry,
                    instances: oracle.specs(state.busy).map { .init($0, .busy) }
                        + oracle.specs(state.idle).map { .init($0, .idle) })
            }
            for wanted in [
                multisets[number % multisets.count],
                multisets[number % multisets.count] + multisets[number * 31 % multisets.count],
            ] {
                var least: Int?
                for first in costs[0] {
                    for second in costs[1] where RecutOracle.contains(first.key + second.key, wanted) {
                        least = min(least ?? .max, first.value + second.value)
                    }
                }
                let names = oracle.profiles(of: wanted).compactMap { geometry.profile(id: $0)?.name }
                switch NodeRecut.cheapest(on: gpus, toFree: names) {
                case .success(let found):
                    try #require(found.cost == least, "\(gpus.map(\.instances)) wanted \(names)")
                    let given = found.parts.flatMap { $0.recut.free.map(\.profile.rawValue) }.sorted()
                    try #require(given == oracle.profiles(of: wanted).map(\.rawValue).sorted())
                case .failure(let reason):
                    try #require(least == nil, "\(reason): \(gpus.map(\.instances)) wanted \(names)")
                }
                asked += 1
            }
        }
        #expect(asked == 800)
    }
}

extension RecutOracle {
    func specs(_ set: UInt64) -> [MIGSpec] {
        places.indices.filter { set & 1 << UInt64($0) != 0 }.map { position in
            let place = places[position]
            return MIGSpec(
                profile: MIGProfile.ID(rawValue: rows[place.row].id),
                placement: Placement(start: place.start, size: rows[place.row].size))
        }
    }

    func bit(of spec: MIGSpec) -> UInt64? {
        places.indices.first {
            rows[places[$0].row].id == spec.profile.rawValue && places[$0].start == spec.placement.start
                && rows[places[$0].row].size == spec.placement.size
        }.map { 1 << UInt64($0) }
    }

    func profiles(of multiset: UInt64) -> [MIGProfile.ID] {
        rows.indices.flatMap { row in
            Array(repeating: MIGProfile.ID(rawValue: rows[row].id), count: Int(multiset >> UInt64(4 * row) & 15))
        }
    }
}
