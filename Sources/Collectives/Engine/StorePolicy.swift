/// How ranks write what others will read: through the caches, or past them with non-temporal stores.
///
/// Which is faster depends on where the ranks' cores are, and a virtual machine may move them at any time. Cores that
/// share a cache hand each other lines that lie there. Cores that don't, such as those of two core complexes, pay for
/// every line twice: the writer takes it away from the reader's cache, and the reader fetches it from the writer's;
/// past the caches it comes from memory, which the prefetcher makes fast. Measured, the wrong way costs a factor of
/// two to ten; see docs/measurements/collectives.md.
///
/// So rank 0 tries both for each size class, goes on with the faster one, and tries the other one now and then: the
/// slower it was, the more rarely. The results have the same bits either way.
///
/// A value that only decides.
package struct StorePolicy: Hashable, Sendable {
    /// Calls of one kind and of bytes within a factor of two.
    package struct SizeClass: Hashable, Sendable {
        package let number: Int
        /// Smaller calls always go through the caches: their lines are few.
        package static let leastBytes = 2048
        private static let classes = 16
        /// What is written: a shown input, an input that will be reduced or its results, tensors in the symmetric heap, a
        /// part of a message.
        package enum Kind: Int, Hashable, Sendable, CaseIterable { case shown, reduced, direct, sent }

        @inline(__always)
        package init(bytes: Int, _ kind: Kind) {
            let size = Int.bitWidth - bytes.leadingZeroBitCount - 12
            number = min(max(size, 0), Self.classes - 1) + kind.rawValue * Self.classes
        }

        static let count = Kind.allCases.count * classes
        /// Of small calls only some are timed, since the clock costs some of their time.
        var timedEvery: Int { number % Self.classes < 4 ? 8 : 1 }
    }

    private struct Experience: Hashable {
        /// Smoothed times; nil before the first try.
        var cached: Float?
        var streaming: Float?
        var prefersStreaming = false
        /// Timed calls until the other way is tried again.
        var untilTrial = 2
        var untilTimed = 1
    }

    /// Between two trials of the slower way; in between, trials cost at most a fortieth of the time.
    private static let intervals = 16...512
    private static let mostCost: Float = 1.0 / 40
    private var classes = [Experience](repeating: Experience(), count: SizeClass.count)

    package init() {}

    /// Whether the present call of a class is timed, and recorded when it is done.
    package mutating func times(_ size: SizeClass) -> Bool {
        classes[size.number].untilTimed -= 1
        if classes[size.number].untilTimed > 0 { return false }
        classes[size.number].untilTimed = size.timedEvery
        return true
    }

    /// Whether the calls of a class stream until the next one was timed.
    package mutating func next(_ size: SizeClass) -> Bool {
        classes[size.number].untilTrial -= 1
        let experience = classes[size.number]
        if experience.untilTrial > 0 { return experience.prefersStreaming }
        var interval = Self.intervals.lowerBound
        if let cached = experience.cached, let streaming = experience.streaming {
            let excess = max(cached, streaming) / max(1e-9, min(cached, streaming)) - 1
            interval = Int(min(excess / Self.mostCost, Float(Self.intervals.upperBound)))
        }
        classes[size.number].untilTrial = max(interval, Self.intervals.lowerBound)
        return !experience.prefersStreaming
    }

    /// Learns from a call.
    ///
    /// - Parameter time: of the whole tensor, without the waiting in its first step; any unit.
    package mutating func record(_ size: SizeClass, streamed: Bool, time: Float) {
        var experience = classes[size.number]
        let known = streamed ? experience.streaming : experience.cached
        var smoothed = time
        // A trial of the other way counts as it is: what was known is old. Of the usual way, faster is believed to a
        // half; slower may be chance, so it counts less.
        if let known, streamed == experience.prefersStreaming {
            smoothed = time < known ? (known + time) / 2 : known + min(time - known, known) / 8
        }
        if streamed { experience.streaming = smoothed } else { experience.cached = smoothed }
        if let cached = experience.cached, let streaming = experience.streaming {
            experience.prefersStreaming = streaming < cached
        }
        classes[size.number] = experience
    }
}
