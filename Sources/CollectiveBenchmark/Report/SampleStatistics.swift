/// What is shown of many samples.
package struct SampleStatistics: Hashable, Sendable {
    package let count: Int
    /// The middle one; of an even number the mean of the two in the middle.
    package let median: Double
    /// A tenth of the samples are at most this: what the machine does when nothing disturbs it.
    package let p10: Double

    /// nil for no samples.
    package init?(_ samples: [Double]) {
        if samples.isEmpty { return nil }
        let sorted = samples.sorted()
        let middle = sorted.count / 2
        count = sorted.count
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        // The nearest rank: the smallest sample that a tenth is not above.
        p10 = sorted[max(0, (sorted.count + 9) / 10 - 1)]
    }
}
