import ClusterSimulation
import Traces

/// One run as charts show it: thinned to what can be seen.
public struct RunPicture: Sendable {
    static let mostSamples = 600
    static let quantiles = 200

    public let model: String
    public let queue: String
    let samples: [TimelineSample]
    /// Completion and waiting times at 0, 0.5, ... 100 %.
    let completion: [Double]
    let queueing: [Double]
    let occupancy: [Occupancy]
    let occupancyIsCut: Bool
    /// Of the jobs in the occupancy, for what the pointer shows.
    let jobNames: [Int32: String]

    public init(_ record: SimulationRecord, of workload: Workload) {
        model = record.model
        queue = record.queue
        let step = max(1, (record.timeline.count + Self.mostSamples - 1) / Self.mostSamples)
        samples = record.timeline.enumerated().filter { $0.offset.isMultiple(of: step) }.map(\.element)
        let ran = zip(workload.jobs, record.outcomes).filter { $1.hasRun }
        completion = Self.quantiles(ran.map { $1.end - $0.arrival })
        queueing = Self.quantiles(ran.map { $1.start - $0.arrival })
        occupancy = record.occupancy
        occupancyIsCut = record.occupancyIsCut
        var names: [Int32: String] = [:]
        for entry in record.occupancy where names[entry.job] == nil {
            let job = workload.jobs[Int(entry.job)]
            names[entry.job] = "\(workload.id(of: job)), \(counted(Int(job.slices), "slice"))"
        }
        jobNames = names
    }

    private static func quantiles(_ values: [Double]) -> [Double] {
        let sorted = values.sorted()
        guard let last = sorted.last else { return [] }
        return (0...quantiles).map { part in
            part == quantiles ? last : sorted[sorted.count * part / quantiles]
        }
    }

    /// Arrays side by side, short keys: there may be many runs in one page.
    var json: JSONValue {
        func numbers(_ values: [Double], digits: Int = 1) -> JSONValue {
            .array(values.map { .rounded($0, digits: digits) })
        }
        func integers(_ values: [Int32]) -> JSONValue { .array(values.map { .int(Int($0)) }) }
        let jobs = jobNames.keys.sorted()
        let places = Dictionary(uniqueKeysWithValues: zip(jobs, jobs.indices))
        return .object([
            ("model", .text(model)), ("queue", .text(queue)),
            ("time", numbers(samples.map(\.time))),
            ("used", integers(samples.map(\.usedSlices))), ("held", integers(samples.map(\.heldSlices))),
            ("unusable", numbers(samples.map { Double($0.unusableSlices) }, digits: 2)),
            ("queued", integers(samples.map(\.queued))), ("running", integers(samples.map(\.running))),
            ("drained", integers(samples.map(\.drainedGPUs))),
            ("completion", numbers(completion)), ("queueing", numbers(queueing)),
            ("names", .array(jobs.map { .text(jobNames[$0] ?? "") })),
            (
                "spans",
                .array(
                    occupancy.map { entry in
                        .array([
                            .int(places[entry.job] ?? 0), .int(Int(entry.gpu)), .int(Int(entry.start)),
                            .int(Int(entry.size)),
                            .rounded(entry.from, digits: 1), .rounded(entry.to, digits: 1),
                        ])
                    })
            ),
            ("cut", .bool(occupancyIsCut)),
        ])
    }
}
