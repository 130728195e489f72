/// Elements in memory that all ranks of a communicator reach, so that its collectives move only what must move.
///
/// Made by `Communicator.makeTensor`. Its memory is released with the last reference to it, and stays valid after the
/// communicator was closed. It lies in POSIX shared memory, already present: no page faults later on.
///
/// Sendable, but not synchronized: between the start of a collective on it and its end, on all ranks, nobody else may
/// touch it. After a failed collective its elements are undefined, and may still change until all ranks have closed
/// the communicator.
@safe public final class Tensor<Element: BitwiseCopyable>: @unchecked Sendable {
    /// Number of elements.
    public let count: Int
    /// The first element.
    private let elements: UnsafeMutablePointer<Element>
    private let memory: TensorMemory?

    /// - Parameter memory: room for `count` elements; nil for none.
    init(_ memory: TensorMemory?, count: Int, repeating value: Element) {
        self.memory = memory
        self.count = count
        if let memory {
            unsafe elements = memory.address.bindMemory(to: Element.self, capacity: count)
            unsafe elements.initialize(repeating: value, count: count)
        } else {
            unsafe elements = UnsafeMutablePointer.allocate(capacity: max(1, count))
            unsafe elements.initialize(repeating: value, count: max(1, count))
        }
    }

    deinit { if memory == nil { unsafe elements.deallocate() } }

    /// One element.
    ///
    /// - Precondition: `index` is in 0..<count.
    @inlinable public subscript(index: Int) -> Element {
        get {
            precondition(0 <= index && index < count)
            return unsafe buffer[index]
        }
        set {
            precondition(0 <= index && index < count)
            unsafe buffer[index] = newValue
        }
    }

    /// All elements, for reading.
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Valid for the closure's time: `self` is alive during it.
        try unsafe body(Span(_unsafeElements: UnsafeBufferPointer(buffer)))
    }

    /// All elements, for reading and writing.
    public func withMutableSpan<Result, Failure: Error>(
        _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // As above.
        var span = unsafe MutableSpan(_unsafeElements: buffer)
        return try body(&span)
    }

    /// The memory itself, valid as long as the tensor.
    @unsafe public var buffer: UnsafeMutableBufferPointer<Element> {
        unsafe UnsafeMutableBufferPointer(start: elements, count: count)
    }

    /// A copy of all elements.
    public var array: [Element] { unsafe Array(buffer) }
}
