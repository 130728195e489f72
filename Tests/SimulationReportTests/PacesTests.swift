import ClusterSimulation
import Testing
import Traces

struct PacesTests {
    private static func power(_ slices: Int) -> LeafPower {
        LeafPower(computeSlices: slices, multiprocessors: 14 * slices, fullMultiprocessors: 98)
    }

    private func job(_ key: String, slices: Int) throws -> Job {
        let model = try #require(SpeedTable.miso.index(ofKey: key))
        return Job(
            number: 0, arrival: 0, duration: 100, slices: slices, memoryMiB: SpeedTable.miso.entries[model].memoryMiB,
            model: model)
    }

    private func free() -> SpanningModel {
        var model = SpanningModel()
        model.linkBytesPerSecond = 1e30
        model.latencySeconds = 0
        model.creditsSplitting = true
        return model
    }

    /// One instance: the ratio of measured step times.
    @Test func oneInstance() throws {
        let paces = ModelPaces(table: .miso)
        let resnet = try job("resnet_train256", slices: 2)
        #expect(paces.pace(of: resnet, onOne: Self.power(2)) == 1)
        #expect(abs((paces.pace(of: resnet, onOne: Self.power(7)) ?? 0) - 0.05427 / 0.0317) < 1e-12)
        #expect(abs((paces.pace(of: resnet, onOne: Self.power(1)) ?? 0) - 0.05427 / 0.098) < 1e-12)
        // BERT does not run on 1g: below 2g its speed falls with the SMs.
        let bert = try job("bert_train2", slices: 2)
        #expect(abs((paces.pace(of: bert, onOne: Self.power(1)) ?? 0) - 0.5) < 1e-12)
    }

    /// Without communication the published ratios come out: ResNet 2x1g against 2g 1.20 at 256, GNN 4x1g against 4g 0.67.
    @Test(arguments: [
        ("resnet_train256", 2, 1, 2, 1.20), ("resnet_train512", 4, 1, 4, 1.32), ("gnn_train256", 4, 1, 4, 0.79),
        ("transformer_train32", 2, 1, 2, 0.99), ("mobilenet_train512", 4, 1, 4, 0.87), ("bert_train8", 7, 3, 2, 1.05),
    ]) func computeOfLeaves(key: String, slices: Int, size: Int, leaves: Int, ratio: Double) throws {
        let paces = ModelPaces(table: .miso, spanning: free())
        let pace = try #require(
            paces.pace(of: try job(key, slices: slices), over: SpanShape(leaves: leaves, slowest: Self.power(size))))
        #expect(abs(1 / pace - ratio) < 0.006)
    }

    /// A job that is faster over leaves than at its size by the step times is not, unless that is asked for; the link is
    /// then used for a smaller part of the step.
    @Test(arguments: [("gnn_train256", 4, 1, 4), ("mobilenet_train512", 7, 3, 2), ("resnet_train512", 4, 1, 4)])
    func splittingGainsAreNotCounted(key: String, slices: Int, size: Int, leaves: Int) throws {
        var model = SpanningModel()
        let shape = SpanShape(leaves: leaves, slowest: Self.power(size))
        let job = try job(key, slices: slices)
        let capped = ModelPaces(table: .miso, spanning: model)
        model.creditsSplitting = true
        let counted = ModelPaces(table: .miso, spanning: model)
        let pace = try #require(counted.pace(of: job, over: shape))
        #expect(capped.pace(of: job, over: shape) == min(1, pace))
        #expect((pace > 1) == (key != "resnet_train512"))
        let load = counted.linkLoad(of: job, over: shape) / max(1, pace)
        #expect(abs(capped.linkLoad(of: job, over: shape) - load) < 1e-12)
    }

    /// ResNet-50's 102 MB over four leaves of one GPU at 25 GB/s: 6 x 102 MB each way, 24.5 ms.
    @Test func theRingsCost() throws {
        var model = SpanningModel()
        model.latencySeconds = 0
        model.creditsSplitting = true
        let resnet = try job("resnet_train512", slices: 4)
        let packed = SpanShape(leaves: 4, slowest: Self.power(1))
        let costly = try #require(ModelPaces(table: .miso, spanning: model).pace(of: resnet, over: packed))
        let cheap = try #require(ModelPaces(table: .miso, spanning: free()).pace(of: resnet, over: packed))
        let reference = 0.04926
        #expect(abs(reference / costly - reference / cheap - 0.02448) < 1e-6)

        // Spread over four GPUs, a quarter; beside a link that is half busy, half as much again; by the host, 4 x S.
        func cost(_ shape: SpanShape, _ model: SpanningModel) throws -> Double {
            let pace = try #require(ModelPaces(table: .miso, spanning: model).pace(of: resnet, over: shape))
            return reference / pace - reference / cheap
        }
        var spread = packed
        spread.mostLeavesOnOneGPU = 1
        #expect(abs(try cost(spread, model) - 0.00612) < 1e-6)
        var busy = packed
        busy.foreignLinkLoad = 0.5
        #expect(abs(try cost(busy, model) - 0.03672) < 1e-6)
        model.algorithm = .host
        #expect(abs(try cost(packed, model) - 0.01632) < 1e-6)
        model.overlap = 1
        #expect(abs(try cost(packed, model)) < 1e-9)
    }

    /// Ranks on unequal leaves wait for the slowest, unless each has work in proportion.
    @Test func unequalLeaves() throws {
        var shape = SpanShape(leaves: 2, slowest: Self.power(1))
        shape.totalMultiprocessors = 14 + 42
        var model = free()
        let gnn = try job("gnn_train256", slices: 4)
        let equal = try #require(ModelPaces(table: .miso, spanning: model).pace(of: gnn, over: shape))
        model.proportionalShares = true
        let proportional = try #require(ModelPaces(table: .miso, spanning: model).pace(of: gnn, over: shape))
        // A half against a quarter of the batch on the 1g leaf.
        #expect(proportional > 1.5 * equal)
    }

    @Test func measuredCostsReplaceTheModel() throws {
        let measured = MeasuredSpanning(points: [
            .init(leaves: 1, relativeSpeed: 1, communicationShare: 0),
            .init(leaves: 4, relativeSpeed: 0.7, communicationShare: 0.3),
        ])
        let paces = ModelPaces(table: .miso, measured: ["resnet": measured])
        let resnet = try job("resnet_train512", slices: 4)
        let one = 0.16479
        for (leaves, speed) in [(2, 0.9), (3, 0.8), (4, 0.7), (7, 0.7)] {
            let pace = try #require(paces.pace(of: resnet, over: SpanShape(leaves: leaves, slowest: Self.power(1))))
            // Seven of the 1g leaves are faster than the 4g that was asked for, which is not counted.
            #expect(abs(pace - min(1, 0.04926 * Double(leaves) * speed / one)) < 1e-12)
        }
        #expect(abs(paces.linkLoad(of: resnet, over: SpanShape(leaves: 4, slowest: Self.power(1))) - 0.3) < 1e-12)
    }

    /// k whole GPUs are the pace that the trace measured.
    @Test func wholeGPUs() throws {
        let paces = ModelPaces(table: .miso)
        #expect(paces.pace(of: try job("gnn_train64", slices: 28), onOne: Self.power(7)) == 1)
    }
}
