import ClusterSimulation
import Platform
import Spanning
import SpanningBenchmark
import Traces

extension MeasuredSpanning {
    /// The measurements of a `spanning.json`, by the entries of a table of speeds.
    ///
    /// A measurement is for the entry or the family that bears its name; `forAll` names one for all others.
    static func read(_ path: String, table: SpeedTable, forAll: String?) throws -> [String: MeasuredSpanning] {
        guard Files.exists(path) else {
            throw CommandFailure(
                CommandExit.input, "--spanning \(path) is not there. `flexmig measure` writes such a file.")
        }
        let file: SpanningFile
        do {
            file = try SpanningStore.read(path)
        } catch {
            throw CommandFailure(CommandExit.input, "--spanning \(error)")
        }
        let names = file.measurements.map(\.model)
        let repeated = names.filter { name in names.count(where: { $0 == name }) > 1 }
        if let name = repeated.first {
            throw CommandFailure(
                CommandExit.input,
                "--spanning \(path) has several measurements of \(name) (profiles, GPUs or routes). Leave one of them.")
        }
        var measured: [String: MeasuredSpanning] = [:]
        let known = Set(table.entries.map(\.key) + table.entries.map(\.family))
        for measurement in file.measurements where known.contains(measurement.model) {
            measured[measurement.model] = MeasuredSpanning(measurement)
        }
        if let forAll {
            guard let measurement = file.measurements.first(where: { $0.model == forAll }) else {
                throw CommandFailure(
                    CommandExit.input,
                    "--spanning-for-all: \(path) has no \"\(forAll)\"; it has \(names.joined(separator: ", ")).")
            }
            for family in Set(table.entries.map(\.family)) where measured[family] == nil {
                measured[family] = MeasuredSpanning(measurement)
            }
        }
        guard !measured.isEmpty else {
            throw CommandFailure(
                CommandExit.input,
                "--spanning \(path) has no model of the table of speeds; it has \(names.joined(separator: ", ")). "
                    + "Name one of them with --spanning-for-all, to take it for every model.")
        }
        return measured
    }

    private init(_ measurement: SpanningMeasurement) {
        self.init(
            points: measurement.points.map { point in
                Point(
                    leaves: point.leaves, relativeSpeed: point.relativeSpeed,
                    communicationShare: point.communicationShare ?? 0)
            })
    }
}
