// What libFuzzer calls; scripts/fuzz-traces compiles it together with the sources of Traces.

/// Reads any bytes as a trace: they are read or refused, and what is read can be written and read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func readOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // libFuzzer keeps the bytes until this returns.
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    // The first byte also says in what pieces they come.
    let pieces = [1 << 18, 1, 7, 100][Int(bytes.first ?? 0) & 3]
    do {
        let trace = try TraceReader().read(byteSource(bytes, pieces: pieces))
        precondition(trace.jobs.count == trace.counts.rows - trace.counts.refused)
        precondition(
            trace.jobs.allSatisfy { $0.submit >= 0 && $0.duration > 0 && ($0.gpus > 0) != ($0.milli > 0) })
        precondition(zip(trace.jobs, trace.jobs.dropFirst()).allSatisfy { $0.submit <= $1.submit })
        var again: [UInt8] = []
        try trace.writeNormalised { again += $0 }
        guard let second = try? TraceReader(isStrict: true).read(byteSource(again)) else {
            preconditionFailure("what was written can't be read")
        }
        precondition(second.jobs.map(\.duration) == trace.jobs.map(\.duration))
        precondition(second.jobs.map(\.submit) == trace.jobs.map(\.submit))
    } catch let problem as TraceProblem {
        precondition(!problem.reason.isEmpty && problem.remedy.last == ".")
    } catch {
        preconditionFailure("an error of another kind: \(error)")
    }
    _ = try? SpeedTable(source: "", reading: byteSource(bytes, pieces: pieces))
    return 0
}
