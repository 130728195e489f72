import CNCCLPlugin
import Collectives
import NCCLTransport

@c @implementation
public func flexmig_nccl_group_listen(
    _ device: Int32, _ handle: UnsafeMutableRawPointer?,
    _ listener: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answer { () throws(NetFailure) in
        let listener = unsafe try required(listener, "the place for the listener")
        unsafe listener.pointee = nil
        guard let handle = unsafe handle else { throw .argument("the place for the handle is NULL") }
        let made = CollectiveListener(try Plugin.started())
        unsafe write(made.handle, to: handle)
        unsafe listener.pointee = give(made)
    }
}

/// Waits until all ranks have come, and succeeds or fails on all of them.
@c @implementation
public func flexmig_nccl_group_connect(
    _ handles: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ ranks: Int32, _ rank: Int32,
    _ listener: UnsafeMutableRawPointer?, _ group: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answer { () throws(NetFailure) in
        let group = unsafe try required(group, "the place for the group")
        unsafe group.pointee = nil
        let handles = unsafe try required(handles, "the list of handles")
        let peers = (0..<Int(max(0, ranks))).map { index in
            unsafe handles[index].flatMap { unsafe handle(at: $0) }
        }
        try unsafe with(CollectiveListener.self, listener) { listener throws(NetFailure) in
            let made = try listener.connect(peers, rank: Int(rank))
            unsafe group.pointee = give(made)
        }
    }
}

@c @implementation
public func flexmig_nccl_group_reduce_support(
    _ type: Int32, _ operation: Int32, _ supported: UnsafeMutablePointer<Int32>?
) -> Int32 {
    answer { () throws(NetFailure) in
        unsafe try required(supported, "the place for the answer").pointee =
            ElementType(ncclType: type) != nil && Reduction(ncclOperation: operation) != nil ? 1 : 0
    }
}

@c @implementation
public func flexmig_nccl_group_all_reduce(
    _ group: UnsafeMutableRawPointer?, _ input: UnsafeMutableRawPointer?, _ output: UnsafeMutableRawPointer?,
    _ count: Int32, _ type: Int32, _ operation: Int32, _ inputRegistration: UnsafeMutableRawPointer?,
    _ outputRegistration: UnsafeMutableRawPointer?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answerQuietly { () throws(NetFailure) in
        let request = unsafe try required(request, "the place for the request")
        unsafe request.pointee = nil
        guard count >= 0, let element = ElementType(ncclType: type), let reduction = Reduction(ncclOperation: operation)
        else {
            let failure = NetFailure.argument(
                "can't reduce \(count) elements of type \(type) by operation \(operation)")
            Plugin.warn(failure.description)
            throw failure
        }
        try unsafe with(CollectiveGroup.self, group) { group throws(NetFailure) in
            let posted = try unsafe group.post(input, output, count: Int(count), element, reduction)
            unsafe request.pointee = UnsafeMutableRawPointer(posted)
        }
    }
}

@c @implementation
public func flexmig_nccl_group_all_gather(
    _ group: UnsafeMutableRawPointer?, _ input: UnsafeMutableRawPointer?, _ count: Int32,
    _ parts: UnsafeMutablePointer<cnccl_part>?, _ bytesPerRank: Int, _ windowOffset: Int, _ windowBytes: Int,
    _ registration: UnsafeMutableRawPointer?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    unsafe request?.pointee = nil
    return answer { () throws(NetFailure) in throw unsupported("all-gather") }
}

@c @implementation
public func flexmig_nccl_group_reduce_scatter(
    _ group: UnsafeMutableRawPointer?, _ count: Int32, _ parts: UnsafeMutablePointer<cnccl_part>?,
    _ output: UnsafeMutableRawPointer?, _ bytesPerRank: Int, _ windowOffset: Int, _ windowBytes: Int, _ type: Int32,
    _ operation: Int32, _ registration: UnsafeMutableRawPointer?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    unsafe request?.pointee = nil
    return answer { () throws(NetFailure) in throw unsupported("reduce-scatter") }
}

/// NCCL would ask for these with the algorithm CollNetDirect alone, which needs an NVSwitch.
private func unsupported(_ what: String) -> NetFailure {
    .mismatch("CollNet has no \(what) here; leave CollnetDirect out of NCCL_ALGO")
}

@c @implementation
public func flexmig_nccl_group_flush(
    _ group: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ bytes: Int32,
    _ registration: UnsafeMutableRawPointer?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    unsafe request?.pointee = nil
    return 0
}

@c @implementation
public func flexmig_nccl_group_test(
    _ request: UnsafeMutableRawPointer?, _ done: UnsafeMutablePointer<Int32>?,
    _ bytes: UnsafeMutablePointer<Int32>?
) -> Int32 {
    unsafe answerTest(request, done, bytes, by: CollectiveGroup.test)
}

@c @implementation
public func flexmig_nccl_group_close(_ group: UnsafeMutableRawPointer?) -> Int32 {
    answer { () throws(NetFailure) in try unsafe take(CollectiveGroup.self, group).close() }
}

@c @implementation
public func flexmig_nccl_group_close_listener(_ listener: UnsafeMutableRawPointer?) -> Int32 {
    answer { () throws(NetFailure) in try unsafe take(CollectiveListener.self, listener).close() }
}

extension ElementType {
    /// By NCCL's number; nil for 8-bit floats and what is new.
    fileprivate init?(ncclType: Int32) {
        switch ncclType {
        case 0: self = .int8
        case 1: self = .uint8
        case 2: self = .int32
        case 3: self = .uint32
        case 4: self = .int64
        case 5: self = .uint64
        case 6: self = .float16
        case 7: self = .float
        case 8: self = .double
        case 9: self = .bfloat16
        default: return nil
        }
    }
}

extension Reduction {
    /// By NCCL's number. Averages and scaled sums arrive as sums, the GPU does the rest.
    fileprivate init?(ncclOperation: Int32) {
        switch ncclOperation {
        case 0: self = .sum
        case 1: self = .product
        case 2: self = .max
        case 3: self = .min
        default: return nil
        }
    }
}
