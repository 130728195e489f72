/// Arguments in which a value that begins with a minus sign is tied to its option.
///
/// The parser takes `--jobs -5` for two options and says that --jobs has no value. As `--jobs=-5` the value reaches the check that
/// says which ones are good.
///
/// - Parameter message: what the parser said of `arguments`.
/// - Returns: nil where that was about something else.
func tyingNegativeValue(in arguments: [String], after message: String) -> [String]? {
    let ours = arguments.prefix { $0 != "--" }
    for (place, option) in ours.enumerated().dropLast() where option.hasPrefix("--") {
        guard message.contains("Missing value for '\(option) "), isNegative(ours[place + 1]) else { continue }
        var tied = arguments
        tied[place] = "\(option)=\(tied.remove(at: place + 1))"
        return tied
    }
    return nil
}

/// Whether it can only be meant as a value: no option is a minus sign and a number.
private func isNegative(_ argument: String) -> Bool {
    guard argument.first == "-", let second = argument.dropFirst().first else { return false }
    return second.isNumber || second == "." || argument.lowercased() == "-inf"
}
