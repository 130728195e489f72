import Foundation
import Platform
import Testing
import Traces

/// The files in `traces/` are what the program has built in.
struct ShippedFilesTests {
    private static let folder: String = {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return here.dropLast(3).joined(separator: "/") + "/traces"
    }()

    @Test func stepTimesAreMISOs() throws {
        var found: [String: [String: Double]] = [:]
        for line in try Files.readText("\(Self.folder)/miso_mig_speed.csv").split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",").map(String.init)
            let seconds: Double = try #require(Double(fields[2]))
            found[fields[0], default: [:]][String(fields[1].prefix { $0 != "." })] = seconds
        }
        for entry in SpeedTable.miso.entries {
            for (size, seconds) in zip(SpeedTable.sizes, entry.seconds) {
                #expect(found[entry.key]?["\(size)g"] == seconds, "\(entry.key) on \(size)g")
            }
        }
        #expect(Set(found.keys).isSubset(of: SpeedTable.miso.entries.map(\.key)))
    }

    @Test func memoryIsMISOs() throws {
        let bytes = try Files.read("\(Self.folder)/miso_memory_mb.json")
        let table = try JSONDecoder().decode([String: [String: Int]].self, from: Data(bytes))
        #expect(table.values.reduce(0) { $0 + $1.count } == SpeedTable.miso.entries.count)
        for entry in SpeedTable.miso.entries { #expect(table[entry.family]?["\(entry.batch)"] == entry.memoryMiB) }
    }

    @Test func phillyIsWholeAndItsFitIsTheDefault() throws {
        let trace = try TraceReader().read(byteSource(try Files.read("\(Self.folder)/philly2017.csv.gz")))
        #expect(trace.jobs.count == 82_247)
        #expect(trace.counts.tallies.isEmpty)
        let fit = LogNormalDurations(fitting: trace)
        #expect(abs(fit.mu - LogNormalDurations.philly.mu) < 1e-4)
        #expect(abs(fit.sigma - LogNormalDurations.philly.sigma) < 1e-4)
    }

    /// The tenants of MISO's trace are models of the table.
    @Test func misoTellsItsModels() throws {
        let trace = try TraceReader().read(byteSource(try Files.read("\(Self.folder)/miso100.csv")))
        let mapped = trace.mapped(by: WorkloadRecipe(mapping: .wSlice), speeds: .miso)
        #expect(mapped.workload.jobs.count == 100)
        #expect(mapped.withOwnModel == 100)
    }
}
