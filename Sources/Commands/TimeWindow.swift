import ArgumentParser

/// A window of a trace: `START:+LENGTH` or `START:END`, such as 3656225:+7d.
struct TimeWindow: ExpressibleByArgument, Hashable {
    let start: Double
    let length: Double
    let text: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = TimeAmount(argument: String(parts[0])) else { return nil }
        let isLength = parts[1].hasPrefix("+")
        guard let second = TimeAmount(argument: String(parts[1].drop { $0 == "+" })) else { return nil }
        let length = isLength ? second.seconds : second.seconds - start.seconds
        guard length > 0, start.seconds >= 0 else { return nil }
        self.start = start.seconds
        self.length = length
        text = argument
    }
}
