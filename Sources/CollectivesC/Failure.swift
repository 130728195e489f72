import CFlexmig
import Collectives

/// Why a function of the C interface did not do what it was asked for.
enum Failure: Error {
    /// The caller's arguments; what is wrong with them.
    case argument(String)
    case collective(CollectiveError)
    /// No room in this process's memory.
    case outOfMemory(String)

    /// The number that the caller gets.
    var status: flexmig_status {
        switch self {
        case .argument: FLEXMIG_INVALID_ARGUMENT
        case .collective(let error): flexmig_status(error.code)
        case .outOfMemory: FLEXMIG_SYSTEM
        }
    }

    /// Keeps text and rank for the caller's thread.
    func remember() {
        switch self {
        case .argument(let text), .outOfMemory(let text): unsafe cflexmig_remember(text, -1)
        case .collective(let error): unsafe cflexmig_remember(error.description, Int32(error.rank ?? -1))
        }
    }
}

extension flexmig_status {
    /// The number of a code; codes that were added to the engine later are the unknown one.
    init(_ code: CollectiveError.Code) {
        self =
            switch code {
            case .invalidArgument: FLEXMIG_INVALID_ARGUMENT
            case .invalidEnvironment: FLEXMIG_INVALID_ENVIRONMENT
            case .joinTimedOut: FLEXMIG_JOIN_TIMED_OUT
            case .incompatible: FLEXMIG_INCOMPATIBLE
            case .rankTaken: FLEXMIG_RANK_TAKEN
            case .nameTaken: FLEXMIG_NAME_TAKEN
            case .outOfSharedMemory: FLEXMIG_OUT_OF_SHARED_MEMORY
            case .system: FLEXMIG_SYSTEM
            case .mismatch: FLEXMIG_MISMATCH
            case .rankDied: FLEXMIG_RANK_DIED
            case .rankLeft: FLEXMIG_RANK_LEFT
            case .timedOut: FLEXMIG_TIMED_OUT
            case .aborted: FLEXMIG_ABORTED
            case .closed: FLEXMIG_CLOSED
            default: FLEXMIG_UNKNOWN
            }
    }
}

/// Runs the body of a C function, and turns what it throws into the status.
@inline(__always)
func answer(_ body: () throws(Failure) -> Void) -> Int32 {
    do throws(Failure) {
        try body()
        return 0
    } catch {
        return fail(error)
    }
}

/// Apart from `answer`, so that nothing of it is in the way of a call that succeeds.
@inline(never)
func fail(_ failure: Failure) -> Int32 {
    failure.remember()
    return Int32(bitPattern: failure.status.rawValue)
}

/// Runs a part of the engine.
@inline(__always)
func engine<Result>(_ body: () throws(CollectiveError) -> Result) throws(Failure) -> Result {
    do throws(CollectiveError) { return try body() } catch { throw .collective(error) }
}

/// A pointer that the caller must give.
@inline(__always)
func required<Value>(
    _ pointer: UnsafeMutablePointer<Value>?, _ name: StaticString
) throws(Failure) -> UnsafeMutablePointer<Value> {
    guard let pointer = unsafe pointer else { throw .argument("\(name) is NULL") }
    return unsafe pointer
}
