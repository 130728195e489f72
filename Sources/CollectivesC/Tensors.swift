import CFlexmig
import Collectives
import Glibc
import Platform

/// What `flexmig_alloc` has handed out, by address.
private let allocations = Guarded<[UInt: Allocation]>([:])

private enum Allocation: Sendable {
    case tensor(Tensor<UInt8>)
    /// Of a communicator with a single rank: memory of malloc, which can say that there is none.
    case own
}

/// No /dev/shm has more, and the engine's arithmetic with it can't overflow.
private let mostBytes = 1 << 46

@c @implementation
public func flexmig_alloc(
    _ comm: flexmig_comm?, _ bytes: Int, _ memory: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let memory = unsafe try required(memory, "the place for the memory")
        unsafe memory.pointee = nil
        guard UInt(bitPattern: bytes) <= UInt(mostBytes) else {
            throw .argument("there can't be \(UInt(bitPattern: bytes)) bytes")
        }
        if communicator.size == 1 {
            let own = unsafe try allocate(bytes)
            allocations.withLock { $0[UInt(bitPattern: own)] = .own }
            unsafe memory.pointee = unsafe own
            return
        }
        let tensor = try engine { () throws(CollectiveError) in
            try communicator.makeTensor(repeating: UInt8(0), count: bytes)
        }
        let address = unsafe UnsafeMutableRawPointer(tensor.buffer.baseAddress)
        allocations.withLock { $0[UInt(bitPattern: address)] = .tensor(tensor) }
        unsafe memory.pointee = unsafe address
    }
}

@unsafe
private func allocate(_ bytes: Int) throws(Failure) -> UnsafeMutableRawPointer {
    var own: UnsafeMutableRawPointer?
    let alignment = bytes >= 4096 ? 4096 : 128
    guard unsafe posix_memalign(&own, alignment, max(1, bytes)) == 0, let own = unsafe own else {
        throw .outOfMemory("no memory for \(bytes) bytes")
    }
    unsafe own.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return unsafe own
}

@c @implementation
public func flexmig_free(_ memory: UnsafeMutableRawPointer?) -> Int32 {
    guard let memory = unsafe memory else { return 0 }
    return answer { () throws(Failure) in
        // A tensor is released with the last reference to it, which is the one that leaves the table here.
        switch allocations.withLock({ $0.removeValue(forKey: UInt(bitPattern: memory)) }) {
        case .tensor: return
        case .own: unsafe free(memory)
        case nil: throw .argument("\(UInt(bitPattern: memory)) is no address of flexmig_alloc, or was freed")
        }
    }
}
