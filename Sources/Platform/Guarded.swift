import Synchronization

/// A value behind a lock: a `Mutex` whose order the thread sanitizer sees.
///
/// The sanitizer does not know `Mutex` as a lock, so it takes for a race what the lock keeps apart. The counter says the
/// same once more in atomics, which it knows: a release before each unlocking, an acquire after each locking. Costs one
/// atomic addition for each use.
public struct Guarded<Value>: ~Copyable {
    private let mutex: Mutex<Value>
    private let uses = Atomic<UInt>(0)

    public init(_ value: sending Value) { mutex = Mutex(value) }

    /// Calls a body that alone may touch the value meanwhile, on any thread. It must not come here again.
    public borrowing func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { value throws(Failure) in
            _ = uses.load(ordering: .acquiring)
            defer { uses.wrappingAdd(1, ordering: .releasing) }
            return try body(&value)
        }
    }
}

extension Guarded: Sendable {}
