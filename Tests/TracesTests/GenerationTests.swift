import Testing
import Traces

struct GenerationTests {
    private func recipe(_ mix: JobMix, load: Double = 1.3, seed: UInt64 = 3) -> TraceRecipe {
        TraceRecipe(jobs: 20_000, mix: mix, durations: .philly, load: load, gpus: 8, seed: seed)
    }

    @Test(arguments: JobMix.allCases) func sizesAreAsTheMixSays(mix: JobMix) {
        #expect(abs(mix.weights.reduce(0, +) - 1) < 1e-12)
        let jobs = recipe(mix).generated().mapped(by: WorkloadRecipe(mapping: .fCeil), speeds: .miso).workload.jobs
        for slices in 1...7 {
            let share = Double(jobs.count { $0.slices == slices }) / Double(jobs.count)
            // Four standard deviations of a share of 20,000 draws.
            #expect(abs(share - mix.weights[slices - 1]) < 0.0142)
        }
    }

    /// Both rules for fractions read the size that was drawn.
    @Test func allRulesReadTheSameSizes() {
        let trace = recipe(.sevenths).generated()
        let sizes = [SizeMapping.fCeil, .fNearest].map { rule in
            trace.mapped(by: WorkloadRecipe(mapping: rule), speeds: .miso).workload.jobs.map(\.slices)
        }
        #expect(sizes[0] == sizes[1])
    }

    @Test(arguments: [0.8, 1.0, 1.3]) func theLoadIsTheStatedOne(load: Double) {
        let trace = recipe(.uniform, load: load).generated()
        let work = trace.jobs.reduce(0) { $0 + Double(($1.gpus > 0 ? 7 : ($1.milli * 7 + 999) / 1000)) * $1.duration }
        // The last arrival is a little before the end of the span.
        let measured = work / (7 * 8 * (trace.jobs.last?.submit ?? 1))
        #expect(abs(measured / load - 1) < 0.002)
        #expect(zip(trace.jobs, trace.jobs.dropFirst()).allSatisfy { $0.submit <= $1.submit })
    }

    @Test func theFitFindsWhatWasDrawn() {
        var wide = recipe(.uniform)
        wide.longest = 1e12
        wide.shortest = 1e-12
        let fit = LogNormalDurations(fitting: wide.generated())
        #expect(abs(fit.mu - 6.7909) < 0.07)
        #expect(abs(fit.sigma - 2.1555) < 0.05)
    }

    @Test func seedsDecide() {
        #expect(recipe(.bimodal).generated() == recipe(.bimodal).generated())
        #expect(recipe(.bimodal).generated() != recipe(.bimodal, seed: 4).generated())
    }
}
