import CFlexmig
import Collectives

// The collectives and messages. Each makes an `Operation`, which checks the arguments, and runs it on this thread.

@inline(__always) @unsafe
private func run(_ comm: flexmig_comm?, _ operation: (Communicator) throws(Failure) -> Operation) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let operation = try operation(communicator)
        try engine { () throws(CollectiveError) in try operation.run(on: communicator) }
    }
}

@c @implementation
public func flexmig_barrier(_ comm: flexmig_comm?) -> Int32 {
    unsafe run(comm) { _ throws(Failure) in .barrier }
}

@c @implementation
public func flexmig_broadcast(
    _ comm: flexmig_comm?, _ buffer: UnsafeMutableRawPointer?, _ count: Int, _ type: flexmig_type, _ root: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.broadcast, on: communicator, nil, buffer, count, type, root: root)
    }
}

@c @implementation
public func flexmig_all_gather(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.allGather, on: communicator, input, output, count, type)
    }
}

@c @implementation
public func flexmig_all_reduce(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.allReduce, on: communicator, input, output, count, type, reduction)
    }
}

@c @implementation
public func flexmig_reduce_scatter(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.reduceScatter, on: communicator, input, output, count, type, reduction)
    }
}

@c @implementation
public func flexmig_reduce(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction, _ root: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.reduce, on: communicator, input, output, count, type, reduction, root: root)
    }
}

@c @implementation
public func flexmig_gather(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ root: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.gather, on: communicator, input, output, count, type, root: root)
    }
}

@c @implementation
public func flexmig_scatter(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ root: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.scatter, on: communicator, input, output, count, type, root: root)
    }
}

@c @implementation
public func flexmig_all_to_all(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.allToAll, on: communicator, input, output, count, type)
    }
}

@c @implementation
public func flexmig_send(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ count: Int, _ type: flexmig_type, _ receiver: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.send, on: communicator, input, nil, count, type, root: receiver)
    }
}

@c @implementation
public func flexmig_recv(
    _ comm: flexmig_comm?, _ output: UnsafeMutableRawPointer?, _ count: Int, _ type: flexmig_type, _ sender: Int32
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(.receive, on: communicator, nil, output, count, type, root: sender)
    }
}

@c @implementation
public func flexmig_sendrecv(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ send_count: Int, _ receiver: Int32,
    _ output: UnsafeMutableRawPointer?, _ recv_count: Int, _ sender: Int32, _ type: flexmig_type
) -> Int32 {
    unsafe run(comm) { communicator throws(Failure) in
        try unsafe Operation(
            on: communicator, send: input, send_count, to: receiver, receive: output, recv_count, from: sender, type)
    }
}
