/// How an all-reduce is split into parts that lanes do at the same time.
///
/// Decided from nothing but what is the same on all ranks, so that all split alike.
package struct CallParts: Hashable, Sendable {
    /// What a smaller part gains is lost in waking and waiting.
    package static let leastBytes = 128 << 10
    /// Parts begin at multiples of so many elements, whole cache lines of every type: no line has two writers.
    package static let unit = 1024

    package let count: Int
    private let elements: Int
    private let elementsPerPart: Int

    /// - Parameter elements: of the call, 0 or more.
    /// - Parameter stride: bytes of an element, 1 to 8.
    /// - Parameter lanes: 1 to `LanePlan.most`; no call has more parts.
    package init(of elements: Int, stride: Int, lanes: Int) {
        self.elements = elements
        count = min(lanes, max(1, elements * stride / Self.leastBytes))
        elementsPerPart =
            count == 1 ? elements : ((elements + count - 1) / count + Self.unit - 1) / Self.unit * Self.unit
    }

    /// The elements of a part. None is empty, but for the only one of a call without elements.
    package subscript(part: Int) -> Range<Int> {
        min(part * elementsPerPart, elements)..<min((part + 1) * elementsPerPart, elements)
    }
}
