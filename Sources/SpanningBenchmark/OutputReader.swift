import Spanning

/// Takes what it needs from the output of a job, line by line, and remembers the last lines for an error message.
package struct OutputReader {
    package private(set) var samples: RunSamples
    /// The first marker that could not be read.
    package private(set) var problem: StepMarker.Problem?
    package private(set) var lastLines: [String] = []
    /// Whether it can't be told which ranks of the job have waited.
    private var isAmbiguous = false
    /// The start of a line whose end has not come.
    private var pending: [UInt8] = []

    package init(leaves: Int) { samples = RunSamples(leaves: leaves) }

    /// Takes what came of the output, and reads the lines that are whole.
    ///
    /// A carriage return ends a line too, as it does for `flexmig run`: what one rank's progress bar writes and what
    /// another rank prints after it are two lines.
    package mutating func add(_ bytes: [UInt8]) {
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                pending.append(byte)
                continue
            }
            if !pending.isEmpty { read(String(decoding: pending, as: UTF8.self)) }
            pending.removeAll(keepingCapacity: true)
        }
    }

    /// Takes one line, without its end.
    package mutating func read(_ line: String) {
        let (head, text) = Self.split(line)
        let rank = head ?? 0
        do throws(StepMarker.Problem) {
            if let marker = try StepMarker(line: text) {
                samples.markers[rank, default: []].append(marker)
                return
            }
        } catch {
            problem = problem ?? error
            return
        }
        if let waited = Self.waited(text) { add(waited, of: head) }
        if let runtime = Self.runtime(text) { samples.runtimes.insert(runtime) }
        // What the engine tells of itself is no help to the user.
        if text.hasPrefix("flexmig: rank ") { return }
        lastLines.append(line)
        if lastLines.count > 10 { lastLines.removeFirst() }
    }

    /// The engine numbers the ranks of a communicator, of which a job can have many.
    private mutating func add(_ waited: (rank: Int, seconds: Double), of jobRank: Int?) {
        if isAmbiguous { return }
        // Without heads the numbers of one communicator can be told apart, and those of two can't.
        if jobRank == nil, samples.waited[waited.rank] != nil {
            isAmbiguous = true
            samples.waited = [:]
            return
        }
        // A rank's threads may use several at the same time, so that only the longest of its waits is sure to be a part
        // of the run.
        let rank = jobRank ?? waited.rank
        samples.waited[rank] = max(samples.waited[rank] ?? 0, waited.seconds)
    }

    /// "[rank 3] text" is a line of rank 3; nil without such a head.
    private static func split(_ line: String) -> (rank: Int?, text: Substring) {
        guard line.hasPrefix("[rank "), let end = line.firstIndex(of: "]"),
            let rank = Int(line[line.index(line.startIndex, offsetBy: 6)..<end])
        else { return (nil, line[...]) }
        return (rank, line[line.index(after: end)...].drop { $0 == " " })
    }

    /// What a line of our plugin's or our engine's tells to be in use: "flexmig: connected to flexmig-17-nccl-5d0c, ...",
    /// "flexmig: rank 0/4 joined flexmig-17-0: ...". The plugin's CollNet groups have its part in their names.
    private static func runtime(_ text: Substring) -> String? {
        if text.hasPrefix("flexmig: connected to ") { return "nccl-plugin" }
        guard text.hasPrefix("flexmig: rank "), let joined = text.firstRange(of: " joined ") else { return nil }
        return text[joined.upperBound...].prefix { $0 != " " }.contains("-nccl-") ? "nccl-plugin" : "flexmig"
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
