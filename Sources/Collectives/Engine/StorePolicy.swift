/// How ranks write what others will read: through the caches, or past them with non-temporal stores.
///
/// Which is faster depends on where the ranks' cores are, and a virtual machine may move them at any time. Cores that
/// share a cache hand each other lines that lie there. Cores that don't, such as those of two core complexes, pay for
/// every line twice: the writer takes it away from the reader's cache, and the reader fetches it from the writer's;
/// past the caches it comes from memory, which the prefetcher makes fast. Measured, the wrong way costs a factor of
/// two to ten; see docs/measurements/collectives.md.
///
/// So rank 0 tries both for each size class, goes on with the faster one, tries the other one now and then, ever more
/// rarely, and soon again when its own times change. The results have the same bits either way.
///
/// A value that only decides.
package struct StorePolicy: Hashable, Sendable {
    /// Calls of one kind and of bytes within a factor of two.
    package struct SizeClass: Hashable, Sendable {
        package let number: Int
        /// Smaller calls always go through the caches: their lines are few.
        package static let leastBytes = 2048
        private static let classes = 16

        /// - Parameter isDirect: whether tensors in the symmetric heap are written.
        @inline(__always)
        package init(bytes: Int, isDirect: Bool) {
            let size = Int.bitWidth - bytes.leadingZeroBitCount - 12
            number = min(max(size, 0), Self.classes - 1) + (isDirect ? Self.classes : 0)
        }

        static let count = 2 * classes
        /// Of small calls only some are timed, since the clock costs some of their time.
        var timedEvery: Int { number % Self.classes < 4 ? 8 : 1 }
    }

    private struct Experience: Hashable {
        /// Smoothed times; nil before the first try.
        var cached: Float?
        var streaming: Float?
        var prefersStreaming = false
        /// Calls until the other way is tried again, and how many there were the last time.
        var untilTrial = 2
        var untilTimed = 1
        /// Calls in a row whose times were not like those before.
        var changes = 0
        var interval = 16
    }

    private static let longestInterval = 4096
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
        if classes[size.number].untilTrial > 0 { return classes[size.number].prefersStreaming }
        let interval = classes[size.number].interval
        classes[size.number].untilTrial = interval
        classes[size.number].interval = min(interval * 2, Self.longestInterval)
        return !classes[size.number].prefersStreaming
    }

    /// Learns from a call.
    ///
    /// - Parameter time: of the whole tensor, without waiting for late ranks; any unit.
    package mutating func record(_ size: SizeClass, streamed: Bool, time: Float) {
        var experience = classes[size.number]
        let known = streamed ? experience.streaming : experience.cached
        var smoothed = time
        if let known {
            // Faster is believed at once to a half; slower may be chance, so it counts less.
            smoothed = time < known ? (known + time) / 2 : known + min(time - known, known) / 8
            // Three times in a row is no chance: the machine has changed, so look at the other way again soon.
            if streamed == experience.prefersStreaming {
                experience.changes = time > 2 * known || time * 2 < known ? experience.changes + 1 : 0
                if experience.changes == 3, experience.interval > 64 {
                    experience.interval = 16
                    experience.untilTrial = min(experience.untilTrial, 4)
                }
            }
        }
        if streamed { experience.streaming = smoothed } else { experience.cached = smoothed }
        if let cached = experience.cached, let streaming = experience.streaming {
            let prefers = streaming < cached
            if prefers != experience.prefersStreaming {
                experience.prefersStreaming = prefers
                experience.interval = 16
                experience.untilTrial = 16
            }
        }
        classes[size.number] = experience
    }
}
