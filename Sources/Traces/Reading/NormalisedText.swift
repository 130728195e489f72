extension Trace {
    /// The id that the trace gives a job, else the number of its row.
    public func id(of job: TraceJob) -> String { ids.count > Int(job.row) ? ids[Int(job.row)] : "\(job.row)" }

    /// The trace in the normalised form, piece by piece.
    ///
    /// - Parameter write: takes the next bytes, about 64 KiB.
    public func writeNormalised(_ write: ([UInt8]) throws -> Void) throws {
        let hasModels = models.count > 0
        let hasMemory = jobs.contains { $0.memoryMiB >= 0 }
        var header = "job_id,submit_s,gpus,gpu_milli,duration_s,tenant"
        if hasModels { header += ",model" }
        if hasMemory { header += ",memory_mib" }
        var text = Array((header + "\n").utf8)
        for job in jobs {
            if ids.count > Int(job.row) {
                append(ids.bytes(of: Int(job.row)), to: &text)
            } else {
                text += "\(job.row)".utf8
            }
            text += ",\(plain(job.submit)),\(job.gpus),\(job.milli),\(plain(job.duration)),".utf8
            append(tenants.bytes(of: Int(job.tenant)), to: &text)
            if hasModels {
                text.append(UInt8(ascii: ","))
                if job.model >= 0 { append(models.bytes(of: Int(job.model)), to: &text) }
            }
            if hasMemory { text += (job.memoryMiB < 0 ? "," : ",\(job.memoryMiB)").utf8 }
            text.append(UInt8(ascii: "\n"))
            if text.count > 1 << 16 {
                try write(text)
                text.removeAll(keepingCapacity: true)
            }
        }
        try write(text)
    }

    private func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    /// Writes a name byte by byte, in quotes where reading would take it apart or trim it.
    private func append(_ name: ArraySlice<UInt8>, to text: inout [UInt8]) {
        let (quote, space) = (UInt8(ascii: "\""), UInt8(ascii: " "))
        guard name.contains(where: { [44, 34, 10, 13].contains($0) }) || name.first == space || name.last == space
        else {
            text += name
            return
        }
        text.append(quote)
        for byte in name {
            if byte == quote { text.append(quote) }
            text.append(byte)
        }
        text.append(quote)
    }
}
