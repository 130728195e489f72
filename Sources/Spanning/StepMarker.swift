/// A line that a measured program prints after each step, such as
///
///     FLEXMIG_STEP seconds=0.0123 communication=0.004 samples=64
public struct StepMarker: Hashable, Sendable {
    /// Of the step, above 0.
    public let seconds: Double
    /// Of them, in communication; nil where the program does not say.
    public let communication: Double?
    /// What all ranks together worked through; nil where the program does not say.
    public let samples: Double?

    static let word = "FLEXMIG_STEP"

    /// Why a line that has the marker's word is none.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Reads a line; nil when it is none of ours.
    ///
    /// - Throws: `Problem` for a marker without `seconds=`, or with a value that is no number in its range.
    public init?(line: some StringProtocol) throws(Problem) {
        guard let place = line.firstRange(of: Self.word) else { return nil }
        var values: [Substring: Double] = [:]
        for field in line[place.upperBound...].split(separator: " ") {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, ["seconds", "communication", "samples"].contains(parts[0]) else { continue }
            guard let value = Double(String(parts[1])), value.isFinite, value >= 0 else {
                throw Problem(
                    description: "the marker \"\(Self.word)\(line[place.upperBound...])\": \(field) is no number")
            }
            values[Substring(parts[0])] = value
        }
        guard let seconds = values["seconds"], seconds > 0 else {
            throw Problem(
                description: "the marker \"\(Self.word)\(line[place.upperBound...])\" needs seconds=, more than 0")
        }
        if let communication = values["communication"], communication > seconds {
            throw Problem(
                description:
                    "the marker \"\(Self.word)\(line[place.upperBound...])\" has more communication than seconds")
        }
        self.seconds = seconds
        communication = values["communication"]
        samples = values["samples"].flatMap { $0 > 0 ? $0 : nil }
    }
}
