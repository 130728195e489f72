extension Trace {
    /// The id that the trace gives a job, else the number of its row.
    public func id(of job: TraceJob) -> String { ids.count > Int(job.row) ? ids[Int(job.row)] : "\(job.row)" }

    /// The trace in the normalised form, piece by piece.
    ///
    /// - Parameter write: takes the next bytes, about 64 KiB.
    public func writeNormalised(_ write: ([UInt8]) throws -> Void) throws {
        let hasModels = models.count > 0
        let hasMemory = jobs.contains { $0.memoryMiB >= 0 }
        var text = "job_id,submit_s,gpus,gpu_milli,duration_s,tenant"
        if hasModels { text += ",model" }
        if hasMemory { text += ",memory_mib" }
        text += "\n"
        for job in jobs {
            text += "\(quoted(id(of: job))),\(plain(job.submit)),\(job.gpus),\(job.milli),\(plain(job.duration)),"
            text += quoted(tenants[Int(job.tenant)])
            if hasModels { text += "," + (job.model < 0 ? "" : quoted(models[Int(job.model)])) }
            if hasMemory { text += "," + (job.memoryMiB < 0 ? "" : "\(job.memoryMiB)") }
            text += "\n"
            if text.utf8.count > 1 << 16 {
                try write(Array(text.utf8))
                text = ""
            }
        }
        try write(Array(text.utf8))
    }

    private func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { [44, 34, 10, 13].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
