import Spanning

/// Takes what it needs from the output of a job, line by line, and remembers the last lines for an error message.
package struct OutputReader {
    package private(set) var samples: RunSamples
    /// The first marker that could not be read.
    package private(set) var problem: StepMarker.Problem?
    package private(set) var lastLines: [String] = []

    package init(leaves: Int) { samples = RunSamples(leaves: leaves) }

    package mutating func read(_ line: String) {
        let (rank, text) = Self.split(line)
        do throws(StepMarker.Problem) {
            if let marker = try StepMarker(line: text) {
                samples.markers[rank, default: []].append(marker)
                return
            }
        } catch {
            problem = problem ?? error
            return
        }
        if let waited = Self.waited(text) { samples.waited[waited.rank] = waited.seconds }
        // What the engine tells of itself is no help to the user.
        if text.hasPrefix("flexmig: rank ") { return }
        lastLines.append(line)
        if lastLines.count > 10 { lastLines.removeFirst() }
    }

    /// "[rank 3] text" is a line of rank 3; without such a head it is one of rank 0.
    private static func split(_ line: String) -> (rank: Int, text: Substring) {
        guard line.hasPrefix("[rank "), let end = line.firstIndex(of: "]"),
            let rank = Int(line[line.index(line.startIndex, offsetBy: 6)..<end])
        else { return (0, line[...]) }
        return (rank, line[line.index(after: end)...].drop { $0 == " " })
    }

    /// The engine's account of a communicator: "flexmig: rank 0: waited for rank 1 120 us, rank 2 30 us".
    private static func waited(_ text: Substring) -> (rank: Int, seconds: Double)? {
        let head = "flexmig: rank "
        guard text.hasPrefix(head) else { return nil }
        let parts = text.dropFirst(head.count).split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let rank = Int(parts[0]) else { return nil }
        let body = parts[1].drop { $0 == " " }
        guard body.hasPrefix("waited for ") else { return nil }
        var microseconds = 0.0
        for entry in body.dropFirst("waited for ".count).split(separator: ",") {
            let words = entry.split(separator: " ")
            guard words.count == 4, words[0] == "rank", words[3] == "us", let time = Double(words[2]) else {
                return nil
            }
            microseconds += time
        }
        return (rank, microseconds / 1e6)
    }
}
