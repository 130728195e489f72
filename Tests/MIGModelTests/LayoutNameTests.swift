import MIGModel
import Testing

struct LayoutNameTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let model: String
        let name: LayoutName
        let leaves: Int
        let memoryMiB: Int
        let multiprocessors: Int
        var testDescription: String { "\(name.rawValue) on \(model)" }
    }

    /// Sums worked out from published figures, not from the tables under test.
    static let cases: [Case] = [
        Case(model: "a30-24gb", name: .thin, leaves: 4, memoryMiB: 23808, multiprocessors: 56),
        Case(model: "a100-40gb", name: .thin, leaves: 7, memoryMiB: 34048, multiprocessors: 98),
        Case(model: "a100-40gb", name: .full, leaves: 7, memoryMiB: 39040, multiprocessors: 98),
        Case(model: "a100-40gb", name: .doubles, leaves: 4, memoryMiB: 39424, multiprocessors: 56),
        Case(model: "a100-80gb", name: .thin, leaves: 7, memoryMiB: 68096, multiprocessors: 98),
        Case(model: "a100-80gb", name: .full, leaves: 7, memoryMiB: 78336, multiprocessors: 98),
        Case(model: "a100-80gb", name: .doubles, leaves: 4, memoryMiB: 79872, multiprocessors: 56),
        Case(model: "h100-80gb", name: .thin, leaves: 7, memoryMiB: 69888, multiprocessors: 112),
        Case(model: "h100-80gb", name: .full, leaves: 7, memoryMiB: 80000, multiprocessors: 122),
        Case(model: "h100-80gb", name: .doubles, leaves: 4, memoryMiB: 80384, multiprocessors: 104),
        Case(model: "h100-80gb-pcie", name: .thin, leaves: 7, memoryMiB: 69888, multiprocessors: 98),
        Case(model: "h100-80gb-pcie", name: .full, leaves: 7, memoryMiB: 80000, multiprocessors: 98),
        Case(model: "h100-80gb-pcie", name: .doubles, leaves: 4, memoryMiB: 80384, multiprocessors: 56),
        Case(model: "h200-141gb", name: .thin, leaves: 7, memoryMiB: 114_688, multiprocessors: 112),
        Case(model: "h200-141gb", name: .full, leaves: 7, memoryMiB: 131_328, multiprocessors: 122),
        Case(model: "h200-141gb", name: .doubles, leaves: 4, memoryMiB: 132_096, multiprocessors: 104),
    ]

    @Test(arguments: cases)
    func sums(test: Case) throws {
        let geometry = try #require(GPUModel.named(test.model)).geometry
        let layout = try test.name.layout(on: geometry).get()
        #expect(geometry.problem(in: layout) == nil)
        #expect(layout.specs.count == test.leaves)
        #expect(geometry.memoryMiB(of: layout) == test.memoryMiB)
        #expect(geometry.multiprocessors(of: layout) == test.multiprocessors)
    }

    @Test(arguments: [
        (LayoutName.thin, "1g.5gb@0:1 1g.5gb@1:1 1g.5gb@2:1 1g.5gb@3:1 1g.5gb@4:1 1g.5gb@5:1 1g.5gb@6:1", 7),
        (.full, "1g.5gb@0:1 1g.5gb@1:1 1g.5gb@2:1 1g.5gb@3:1 1g.5gb@4:1 1g.5gb@5:1 1g.10gb@6:2", 8),
        (.doubles, "1g.10gb@0:2 1g.10gb@2:2 1g.10gb@4:2 1g.10gb@6:2", 8),
    ])
    func placesOnA100(name: LayoutName, text: String, slices: Int) throws {
        let geometry = GPUModel.a100With40GB.geometry
        let layout = try name.layout(on: geometry).get()
        #expect(layout.description(on: geometry) == text)
        #expect(layout.memorySlices == slices)
    }

    @Test(arguments: [LayoutName.full, .doubles])
    func a30HasNoDoubleMemory(name: LayoutName) {
        let geometry = GPUModel.a30.geometry
        #expect(LayoutName.available(on: geometry) == [.thin])
        #expect(throws: LayoutUnavailable.self) { try name.layout(on: geometry).get() }
        guard case .failure(let refusal) = name.layout(on: geometry) else { return }
        #expect(refusal.reason == .noDoubleMemoryProfile)
        #expect(
            refusal.description
                == "layout \"\(name.rawValue)\" needs a 1g profile with double memory, which this GPU does not offer "
                + "(it offers 1g.6gb, 1g.6gb+me, 2g.12gb, 2g.12gb+me, 4g.24gb); use layout \"thin\"")
    }

    /// Geometries that no known GPU has, as a driver might answer them.
    @Test func refusalsOnOddGPUs() throws {
        var noThin = GPUModel.a100With40GB.geometry
        noThin.profiles.removeAll { $0.leafType == .thin }
        #expect(reason(.thin, noThin) == .noThinProfile)
        #expect(reason(.full, noThin) == .noThinProfile)
        #expect(LayoutName.available(on: noThin) == [.doubles])

        var noLastFat = GPUModel.a100With40GB.geometry
        for row in noLastFat.profiles.indices where noLastFat.profiles[row].leafType == .fat {
            noLastFat.profiles[row].placements.removeLast()
        }
        #expect(reason(.full, noLastFat) == .slicesLeftOver)
        #expect(LayoutName.available(on: noLastFat) == [.thin, .doubles])

        var sixThin = GPUModel.a100With40GB.geometry
        for row in sixThin.profiles.indices where sixThin.profiles[row].leafType == .thin {
            sixThin.profiles[row].maximumInstances = 6
        }
        #expect(reason(.thin, sixThin) == .invalid(.tooManyInstances(of: 19, maximum: 6)))
        #expect(LayoutName.available(on: sixThin) == [.full, .doubles])

        let bare = MIGGeometry(memorySlices: 8, computeSlices: 7, profiles: [])
        guard case .failure(let refusal) = LayoutName.thin.layout(on: bare) else {
            Issue.record("a layout without profiles")
            return
        }
        #expect(refusal.description.hasSuffix("(it offers no MIG profile); no named layout is possible on it"))
    }

    private func reason(_ name: LayoutName, _ geometry: MIGGeometry) -> LayoutUnavailable.Reason? {
        guard case .failure(let refusal) = name.layout(on: geometry) else { return nil }
        return refusal.reason
    }

    @Test(arguments: LayoutName.allCases)
    func parsesItsOwnName(name: LayoutName) throws {
        #expect(try LayoutName.parse(name.rawValue) == name)
    }

    @Test(arguments: ["", "Thin", "thin ", "double", "6+1"])
    func unknownNames(text: String) {
        let error = #expect(throws: UnknownLayoutName.self) { try LayoutName.parse(text) }
        #expect(error?.description == "unknown layout \"\(text)\"; known: thin, full, doubles")
    }
}
