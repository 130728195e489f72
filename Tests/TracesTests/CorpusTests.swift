import Platform
import Testing
import Traces

/// Inputs that were found by changing traces at random, and those that once were trouble: each is read or refused, and what
/// is read can be written and read again.
struct CorpusTests {
    private static let folder: String = {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return here.dropLast(2).joined(separator: "/") + "/Corpus/traces"
    }()

    @Test func everyInputIsReadOrRefused() throws {
        let names = try Files.names(in: Self.folder)
        #expect(names.count > 10)
        for name in names {
            let bytes = try Files.read("\(Self.folder)/\(name)")
            for pieces in [1 << 18, 5] { try check(bytes, pieces, name) }
        }
    }

    private func check(_ bytes: [UInt8], _ pieces: Int, _ name: String) throws {
        let trace: Trace
        do {
            trace = try TraceReader().read(byteSource(bytes, pieces: pieces))
        } catch let problem as TraceProblem {
            #expect(!problem.reason.isEmpty && problem.remedy.last == ".", "\(name)")
            return
        }
        #expect(trace.jobs.count == trace.counts.rows - trace.counts.refused, "\(name)")
        #expect(
            trace.jobs.allSatisfy { $0.submit >= 0 && $0.duration > 0 && ($0.gpus > 0) != ($0.milli > 0) }, "\(name)")
        #expect(zip(trace.jobs, trace.jobs.dropFirst()).allSatisfy { $0.submit <= $1.submit }, "\(name)")
        var again: [UInt8] = []
        try trace.writeNormalised { again += $0 }
        let second = try TraceReader().read(byteSource(again))
        #expect(second.jobs.map(\.duration) == trace.jobs.map(\.duration), "\(name)")
        #expect(second.jobs.map(\.submit) == trace.jobs.map(\.submit), "\(name)")
    }
}
