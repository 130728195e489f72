import CFlexmig
import Collectives

// The same as in Collectives.swift, but run by the communicator's own thread.

@unsafe
private func start(
    _ comm: flexmig_comm?, _ work: UnsafeMutablePointer<flexmig_work?>?,
    _ operation: (Communicator) throws(Failure) -> Operation
) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let work = unsafe try required(work, "the place for the work")
        unsafe work.pointee = nil
        let operation = try operation(communicator)
        let started = try engine { () throws(CollectiveError) in
            try communicator.start { communicator throws(CollectiveError) in try operation.run(on: communicator) }
        }
        unsafe work.pointee = handle(for: started)
    }
}

@c @implementation
public func flexmig_barrier_async(_ comm: flexmig_comm?, _ work: UnsafeMutablePointer<flexmig_work?>?) -> Int32 {
    unsafe start(comm, work) { _ throws(Failure) in .barrier }
}

@c @implementation
public func flexmig_broadcast_async(
    _ comm: flexmig_comm?, _ buffer: UnsafeMutableRawPointer?, _ count: Int, _ type: flexmig_type, _ root: Int32,
    _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.broadcast, on: communicator, nil, buffer, count, type, root: root)
    }
}

@c @implementation
public func flexmig_all_gather_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.allGather, on: communicator, input, output, count, type)
    }
}

@c @implementation
public func flexmig_all_reduce_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.allReduce, on: communicator, input, output, count, type, reduction)
    }
}

@c @implementation
public func flexmig_reduce_scatter_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.reduceScatter, on: communicator, input, output, count, type, reduction)
    }
}

@c @implementation
public func flexmig_reduce_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ reduction: flexmig_reduction, _ root: Int32, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.reduce, on: communicator, input, output, count, type, reduction, root: root)
    }
}

@c @implementation
public func flexmig_gather_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ root: Int32, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.gather, on: communicator, input, output, count, type, root: root)
    }
}

@c @implementation
public func flexmig_scatter_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ root: Int32, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.scatter, on: communicator, input, output, count, type, root: root)
    }
}

@c @implementation
public func flexmig_all_to_all_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?, _ count: Int,
    _ type: flexmig_type, _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.allToAll, on: communicator, input, output, count, type)
    }
}

@c @implementation
public func flexmig_send_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ count: Int, _ type: flexmig_type, _ receiver: Int32,
    _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.send, on: communicator, input, nil, count, type, root: receiver)
    }
}

@c @implementation
public func flexmig_recv_async(
    _ comm: flexmig_comm?, _ output: UnsafeMutableRawPointer?, _ count: Int, _ type: flexmig_type, _ sender: Int32,
    _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(.receive, on: communicator, nil, output, count, type, root: sender)
    }
}

@c @implementation
public func flexmig_sendrecv_async(
    _ comm: flexmig_comm?, _ input: UnsafeRawPointer?, _ send_count: Int, _ receiver: Int32,
    _ output: UnsafeMutableRawPointer?, _ recv_count: Int, _ sender: Int32, _ type: flexmig_type,
    _ work: UnsafeMutablePointer<flexmig_work?>?
) -> Int32 {
    unsafe start(comm, work) { communicator throws(Failure) in
        try unsafe Operation(
            on: communicator, send: input, send_count, to: receiver, receive: output, recv_count, from: sender, type)
    }
}
