import Glibc
import Platform

/// What is going on, on standard error: one line that is rewritten on a terminal; elsewhere a line now and then, and
/// none in the first second.
public final class ProgressLine {
    private let isTerminal = isatty(2) == 1
    private var isShown = false
    private var shown = ContinuousClock.now

    public init() {}

    public func show(_ text: String) {
        if isTerminal {
            isShown = true
            // Carriage return, and erase to the end of the line.
            _ = try? writeSome(ArraySlice(Array("\r\u{1b}[K\(text.prefix(78))".utf8)), to: 2)
        } else if shown.duration(to: .now) > .seconds(1) {
            shown = .now
            writeToStandardError(text)
        }
    }

    /// Removes the line from a terminal.
    public func clear() {
        if isShown { _ = try? writeSome(ArraySlice(Array("\r\u{1b}[K".utf8)), to: 2) }
        isShown = false
    }
}
