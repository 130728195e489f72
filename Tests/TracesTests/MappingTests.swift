import Testing
import Traces

struct MappingTests {
    @Test func wholeGPUs() {
        func sizes(_ mapping: SizeMapping, _ gpus: [Int]) -> [Int?] {
            gpus.map { try? mapping.slices(gpus: $0, milli: 0).get() }
        }
        #expect(sizes(.wSlice, [1, 2, 3, 4, 5, 8, 9]) == [1, 2, 3, 4, 7, 7, nil])
        #expect(sizes(.wWhole, [1, 2, 9]) == [7, 14, 63])
        #expect(sizes(.fCeil, [1, 4]) == [7, 28])
        #expect(sizes(.fNearest, [1, 4]) == [7, 28])
    }

    @Test func fractions() {
        func sizes(_ mapping: SizeMapping) -> [Int?] {
            [1, 142, 143, 460, 590, 650, 810, 999].map { try? mapping.slices(gpus: 0, milli: $0).get() }
        }
        #expect(sizes(.fCeil) == [1, 1, 2, 4, 5, 5, 6, 7])
        #expect(sizes(.fNearest) == [1, 1, 1, 3, 4, 5, 6, 7])
        #expect(sizes(.wSlice) == [Int?](repeating: nil, count: 8))
        #expect(sizes(.wWhole) == [Int?](repeating: nil, count: 8))
    }

    private func trace() -> Trace {
        Trace(
            format: .normalised,
            jobs: (0..<1000).map {
                TraceJob(submit: Double($0) * 10, duration: Double($0 + 1), gpus: 1 + $0 % 10, milli: 0, row: $0)
            }, ids: NameList(), tenants: NameList(["t"]))
    }

    @Test func windowClampAndScale() {
        var recipe = WorkloadRecipe(mapping: .wSlice)
        recipe.windowStart = 1000
        recipe.windowLength = 500
        recipe.clampSeconds = 120
        recipe.timeScale = 2
        let mapped = trace().mapped(by: recipe, speeds: .miso)
        // 50 jobs arrive there, of which 5 ask for 9 GPUs and 5 for 10.
        #expect(mapped.workload.jobs.count == 40)
        #expect(mapped.outsideWindow == 950)
        #expect(mapped.refused == [.tooManyGPUs: 10])
        #expect(mapped.workload.jobs[0].arrival == 0)
        #expect(mapped.workload.jobs[1].arrival == 5)
        #expect(mapped.workload.jobs.map(\.duration).max() == 120)
        #expect(mapped.workload.ids[0] == "100")
        // Of the 30 that run longer, 6 ask for 9 or 10 GPUs.
        #expect(mapped.clamped == 24)
    }

    /// A job has the same model whatever the window, and another with another seed.
    @Test func drawsDependOnTheRowAlone() {
        var recipe = WorkloadRecipe(mapping: .wSlice)
        let all = trace().mapped(by: recipe, speeds: .miso).workload
        recipe.windowStart = 5000
        let late = trace().mapped(by: recipe, speeds: .miso).workload
        let models = Dictionary(uniqueKeysWithValues: zip(all.ids, all.jobs.map(\.model)))
        #expect(zip(late.ids, late.jobs).allSatisfy { models[$0] == $1.model })
        recipe.seed = 2
        let other = trace().mapped(by: recipe, speeds: .miso).workload
        #expect(zip(late.jobs, other.jobs).contains { $0.model != $1.model })
    }

    @Test func fittingModelsFit() {
        let recipe = WorkloadRecipe(mapping: .wSlice)
        for job in trace().mapped(by: recipe, speeds: .miso).workload.jobs {
            #expect(Int(job.memoryMiB) <= recipe.instanceMemoryMiB[min(Int(job.slices), 7) - 1])
        }
    }

    @Test func tenantsThatAreModelsAreTaken() {
        let trace = Trace(
            format: .normalised, jobs: [TraceJob(submit: 0, duration: 1, gpus: 1, milli: 0, tenant: 0, row: 0)],
            ids: NameList(), tenants: NameList(["bert_train8"]))
        let mapped = trace.mapped(by: WorkloadRecipe(mapping: .wSlice), speeds: .miso)
        #expect(mapped.withOwnModel == 1)
        #expect(mapped.workload.models[Int(mapped.workload.jobs[0].model)] == "bert_train8")
        #expect(mapped.workload.jobs[0].memoryMiB == 18628)
    }

    /// 8 of 33 entries fit a leaf of 5 GB, 24 one of 10 GB.
    @Test func theTableIsMISOs() {
        #expect(SpeedTable.miso.entries.count == 33)
        #expect(SpeedTable.miso.entries.count { $0.memoryMiB <= 4864 } == 8)
        #expect(SpeedTable.miso.entries.count { $0.memoryMiB <= 9856 } == 24)
    }

    @Test func memoryOfAShareOfTheBatch() throws {
        let index = try #require(SpeedTable.miso.index(ofKey: "transformer_train64"))
        #expect(
            [1, 2, 3, 4, 7].map { SpeedTable.miso.memoryMiB(of: index, ranks: $0) } == [9712, 5616, 5616, 3536, 3536])
    }

    @Test func speedsFromAFile() throws {
        let text = "model,batch,memory_mib,gradient_mb,s_1g,s_7g\nx,8,100,2.5,,0.5\n"
        let table = try SpeedTable(source: "test", reading: byteSource(Array(text.utf8)))
        #expect(table.entries == [.init("x", batch: 8, memoryMiB: 100, gradientMB: 2.5, [nil, nil, nil, nil, 0.5])])
        for (bad, word) in [
            ("", "empty"), ("model\n", "batch"), ("model,batch,memory_mib,gradient_mb,s_7g\n", "no row"),
            ("model,batch,memory_mib,gradient_mb,s_7g\nx,0,1,1,1\n", "line 2, column batch"),
            ("model,batch,memory_mib,gradient_mb,s_7g\nx,1,1,1,\n", "line 2, column s_7g"),
            ("model,batch,memory_mib,gradient_mb,s_7g\nx,1,1,1,1\nx,1,1,1,1\n", "line 3"),
            ("model,batch,memory_mib,gradient_mb,s_7g\nx,1,1,1,nan\n", "line 2, column s_7g"),
        ] {
            let problem = try #require(throws: TraceProblem.self) {
                try SpeedTable(source: "test", reading: byteSource(Array(bad.utf8)))
            }
            #expect(problem.description.contains(word), "\(problem)")
        }
    }
}
