import CFlexmig
import Collectives
import Platform

@c @implementation
public func flexmig_init(_ comm: UnsafeMutablePointer<flexmig_comm?>?) -> Int32 {
    unsafe make(comm) { () throws(Failure) in
        try engine { () throws(CollectiveError) in try Rendezvous(environment: Environment.all()) }
    }
}

@c @implementation
public func flexmig_init_with(
    _ prefix: UnsafePointer<CChar>?, _ rank: Int32, _ size: Int32, _ timeout: Double,
    _ comm: UnsafeMutablePointer<flexmig_comm?>?
) -> Int32 {
    unsafe make(comm) { () throws(Failure) in
        guard let prefix = unsafe prefix else { throw .argument("the prefix is NULL") }
        return try rendezvous(unsafe String(cString: prefix), rank: rank, size: size, timeout: timeout)
    }
}

@unsafe
private func make(
    _ comm: UnsafeMutablePointer<flexmig_comm?>?, _ rendezvous: () throws(Failure) -> Rendezvous
) -> Int32 {
    answer { () throws(Failure) in
        let comm = unsafe try required(comm, "the place for the communicator")
        unsafe comm.pointee = nil
        let rendezvous = try rendezvous()
        let communicator = try engine { () throws(CollectiveError) in try Communicator(rendezvous) }
        unsafe comm.pointee = handle(for: communicator)
    }
}

/// A rendezvous by its parts; what is not given counts as in the environment.
private func rendezvous(
    _ prefix: String, rank: Int32, size: Int32, timeout: Double
) throws(Failure) -> Rendezvous {
    guard (1...1024).contains(size) else { throw .argument("there can be 1 to 1024 ranks, not \(size)") }
    guard (0..<size).contains(rank) else { throw .argument("the rank is \(rank); there are ranks 0 to \(size - 1)") }
    guard (1...200).contains(prefix.utf8.count), !prefix.hasPrefix("."), prefix.utf8.allSatisfy(isNameCharacter) else {
        throw .argument(
            "the prefix is \"\(prefix)\"; allowed are 1 to 200 of the characters A-Z a-z 0-9 . _ - "
                + "and no \".\" at the start")
    }
    guard timeout == 0 || (0.1...86400).contains(timeout) else {
        throw .argument("the timeout is \(timeout); allowed are 0.1 to 86400 seconds, and 0")
    }
    var variables = Environment.all()
    variables["RANK"] = "\(rank)"
    variables["WORLD_SIZE"] = "\(size)"
    variables["FLEXMIG_RENDEZVOUS"] = prefix
    if timeout != 0 { variables["FLEXMIG_TIMEOUT"] = nil }
    var rendezvous = try engine { () throws(CollectiveError) in try Rendezvous(environment: variables) }
    if timeout != 0 { rendezvous.timeout = .seconds(timeout) }
    return rendezvous
}

private func isNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}

@c @implementation
public func flexmig_rank(_ comm: flexmig_comm?, _ rank: UnsafeMutablePointer<Int32>?) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        unsafe try required(rank, "the place for the rank").pointee = Int32(communicator.rank)
    }
}

@c @implementation
public func flexmig_size(_ comm: flexmig_comm?, _ size: UnsafeMutablePointer<Int32>?) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        unsafe try required(size, "the place for the size").pointee = Int32(communicator.size)
    }
}

@c @implementation
public func flexmig_close(_ comm: flexmig_comm?) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in communicator.close() }
}

@c @implementation
public func flexmig_destroy(_ comm: flexmig_comm?) -> Int32 {
    guard let comm = unsafe comm else { return 0 }
    defer { unsafe release(Communicator.self, comm) }
    return unsafe flexmig_close(comm)
}

@c @implementation
public func flexmig_abort(_ comm: flexmig_comm?) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in communicator.abortSwitch.abort() }
}

@c @implementation
public func flexmig_split(
    _ comm: flexmig_comm?, _ color: Int32, _ key: Int32, _ part: UnsafeMutablePointer<flexmig_comm?>?
) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let part = unsafe try required(part, "the place for the communicator")
        unsafe part.pointee = nil
        guard color >= FLEXMIG_NO_COLOR else {
            throw .argument("a color is 0 or more, or FLEXMIG_NO_COLOR, not \(color)")
        }
        let made = try engine { () throws(CollectiveError) in
            try communicator.split(color: color == FLEXMIG_NO_COLOR ? nil : Int(color), key: Int(key))
        }
        if let made { unsafe part.pointee = handle(for: made) }
    }
}
