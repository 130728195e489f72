import CNCCLPlugin
import NCCLTransport

@c @implementation
public func flexmig_nccl_listen(
    _ device: Int32, _ handle: UnsafeMutableRawPointer?,
    _ listener: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answer { () throws(NetFailure) in
        let listener = unsafe try required(listener, "the place for the listener")
        unsafe listener.pointee = nil
        guard let handle = unsafe handle else { throw .argument("the place for the handle is NULL") }
        let made = try Plugin.started().listen()
        unsafe write(made.handle, to: handle)
        unsafe listener.pointee = give(made)
    }
}

/// Never waits: the receiver's memory is there since it listens, so the sender is ready at once.
@c @implementation
public func flexmig_nccl_connect(
    _ device: Int32, _ peer: UnsafeMutableRawPointer?, _ sender: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ deviceHandle: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answer { () throws(NetFailure) in
        let sender = unsafe try required(sender, "the place for the connection")
        unsafe sender.pointee = nil
        guard let peer = unsafe peer, let peer = unsafe handle(at: peer) else {
            throw .argument("the handle is not one of this plugin, or of another version")
        }
        let connection: Connection = try Plugin.started().connect(peer)
        unsafe sender.pointee = give(connection)
    }
}

/// Never waits: NULL until the sender has come.
@c @implementation
public func flexmig_nccl_accept(
    _ listener: UnsafeMutableRawPointer?, _ receiver: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ deviceHandle: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answer { () throws(NetFailure) in
        let receiver = unsafe try required(receiver, "the place for the connection")
        unsafe receiver.pointee = nil
        try unsafe with(Listener.self, listener) { listener throws(NetFailure) in
            guard let connection: Connection = try listener.accept() else { return }
            unsafe receiver.pointee = give(connection)
        }
    }
}

@c @implementation
public func flexmig_nccl_send(
    _ sender: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ bytes: Int32, _ tag: Int32,
    _ registration: UnsafeMutableRawPointer?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answerQuietly { () throws(NetFailure) in
        let request = unsafe try required(request, "the place for the request")
        unsafe request.pointee = nil
        guard bytes >= 0 else { throw .argument("a message can't have \(bytes) bytes") }
        try unsafe with(Connection.self, sender) { connection throws(NetFailure) in
            unsafe request.pointee = UnsafeMutableRawPointer(try connection.post(data, bytes: Int(bytes), tag: tag))
        }
    }
}

/// `request` may come in as 1, which says that NCCL does not need to know when the message has come. It gets a request
/// all the same.
@c @implementation
public func flexmig_nccl_receive(
    _ receiver: UnsafeMutableRawPointer?, _ count: Int32,
    _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ bytes: UnsafeMutablePointer<Int32>?,
    _ tags: UnsafeMutablePointer<Int32>?, _ registrations: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    answerQuietly { () throws(NetFailure) in
        let request = unsafe try required(request, "the place for the request")
        unsafe request.pointee = nil
        guard count == 1 else { throw .argument("receives come alone, not \(count) together") }
        let place = unsafe try required(data, "the list of places").pointee
        let room = unsafe try required(bytes, "the list of sizes").pointee
        let tag = unsafe try required(tags, "the list of tags").pointee
        guard room >= 0 else { throw .argument("a message can't have \(room) bytes") }
        try unsafe with(Connection.self, receiver) { connection throws(NetFailure) in
            unsafe request.pointee = UnsafeMutableRawPointer(try connection.post(place, bytes: Int(room), tag: tag))
        }
    }
}

/// For memory of GPUs, of which there is none here.
@c @implementation
public func flexmig_nccl_flush(
    _ receiver: UnsafeMutableRawPointer?, _ count: Int32,
    _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ bytes: UnsafeMutablePointer<Int32>?,
    _ registrations: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    unsafe request?.pointee = nil
    return 0
}

@c @implementation
public func flexmig_nccl_test(
    _ request: UnsafeMutableRawPointer?, _ done: UnsafeMutablePointer<Int32>?,
    _ bytes: UnsafeMutablePointer<Int32>?
) -> Int32 {
    unsafe answerTest(request, done, bytes, by: Connection.test)
}

@c @implementation
public func flexmig_nccl_close_connection(_ connection: UnsafeMutableRawPointer?) -> Int32 {
    answer { () throws(NetFailure) in try unsafe take(Connection.self, connection).close() }
}

@c @implementation
public func flexmig_nccl_close_listener(_ listener: UnsafeMutableRawPointer?) -> Int32 {
    answer { () throws(NetFailure) in try unsafe take(Listener.self, listener).close() }
}
