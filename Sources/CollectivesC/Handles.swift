import CFlexmig
import Collectives

// A `flexmig_comm` is a retained `Communicator`, a `flexmig_work` a retained `CollectiveWork`: using one costs neither
// a look-up nor a reference count.

/// Runs a body on the communicator behind a handle.
///
/// The caller's promise is that the handle was not destroyed, so that its reference outlives the call.
@inline(__always) @unsafe
func withCommunicator(_ handle: flexmig_comm?, _ body: (Communicator) throws(Failure) -> Void) -> Int32 {
    guard let handle = unsafe handle else { return fail(.argument("the communicator is NULL")) }
    return unsafe Unmanaged<Communicator>.fromOpaque(UnsafeRawPointer(handle))._withUnsafeGuaranteedRef {
        communicator in answer { () throws(Failure) in try body(communicator) }
    }
}

@inline(__always) @unsafe
func withWork(_ handle: flexmig_work?, _ body: (CollectiveWork) throws(Failure) -> Void) -> Int32 {
    guard let handle = unsafe handle else { return fail(.argument("the work is NULL")) }
    return unsafe Unmanaged<CollectiveWork>.fromOpaque(UnsafeRawPointer(handle))._withUnsafeGuaranteedRef {
        work in answer { () throws(Failure) in try body(work) }
    }
}

/// Hands a new object to the caller, who gives it back to `release`.
@unsafe
func handle(for object: AnyObject) -> OpaquePointer {
    unsafe OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

@unsafe
func release<Object: AnyObject>(_ type: Object.Type, _ handle: OpaquePointer) {
    unsafe Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release()
}
