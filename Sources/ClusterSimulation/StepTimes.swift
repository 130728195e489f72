import Traces

/// Step times of one model at any batch and any size of instance, from the few that were measured.
///
/// At a measured size and batch it is the measured time. Between sizes the speed lies on a line over the share of the
/// whole GPU's SMs; below the smallest measured size it falls with the SMs. At other batches the time lies on the line
/// a + b x batch that fits the measured batches of that size best, with a and b at least 0; with one batch alone it is in
/// proportion to the batch.
struct StepTimes {
    /// Share of the SMs of the whole GPU, rising, and the line over the batch.
    private struct Size {
        let share: Double
        let constant: Double
        let slope: Double
        let measured: [Int: Double]

        func seconds(batch: Double) -> Double {
            if batch == batch.rounded(), let exact = measured[Int(batch)] { return exact }
            return constant + slope * batch
        }
    }

    private var sizes: [Size] = []

    /// Nil for a family without any time.
    init?(family: String, in table: SpeedTable) {
        for (index, slices) in SpeedTable.sizes.enumerated() {
            var measured: [Int: Double] = [:]
            for entry in table.entries where entry.family == family {
                measured[entry.batch] = entry.seconds[index]
            }
            guard !measured.isEmpty else { continue }
            let (constant, slope) = Self.line(through: measured)
            sizes.append(Size(share: Double(slices) / 7, constant: constant, slope: slope, measured: measured))
        }
        if sizes.isEmpty { return nil }
    }

    /// Least squares; through the origin where a part would be negative or there is one point alone.
    private static func line(through points: [Int: Double]) -> (constant: Double, slope: Double) {
        let batches = points.keys.sorted().map(Double.init)
        let times = points.keys.sorted().compactMap { points[$0] }
        let count = Double(batches.count)
        let meanBatch = batches.reduce(0, +) / count
        let meanTime = times.reduce(0, +) / count
        let spread = batches.reduce(0) { $0 + ($1 - meanBatch) * ($1 - meanBatch) }
        if spread > 0 {
            let slope = zip(batches, times).reduce(0) { $0 + ($1.0 - meanBatch) * ($1.1 - meanTime) } / spread
            let constant = meanTime - slope * meanBatch
            if slope >= 0, constant >= 0 { return (constant, slope) }
            if slope < 0 { return (meanTime, 0) }
        }
        let squares = batches.reduce(0) { $0 + $1 * $1 }
        return (0, zip(batches, times).reduce(0) { $0 + $1.0 * $1.1 } / squares)
    }

    /// Seconds of a step. The share is that of the whole GPU's SMs, above 0; the batch is above 0.
    func seconds(batch: Double, share: Double) -> Double {
        guard let above = sizes.firstIndex(where: { $0.share >= share - 1e-9 }) else {
            return sizes[sizes.count - 1].seconds(batch: batch)
        }
        let high = sizes[above]
        if abs(high.share - share) <= 1e-9 { return high.seconds(batch: batch) }
        guard above > 0 else { return high.seconds(batch: batch) * high.share / share }
        let low = sizes[above - 1]
        let part = (share - low.share) / (high.share - low.share)
        let speed = (1 - part) / low.seconds(batch: batch) + part / high.seconds(batch: batch)
        return 1 / speed
    }
}
