import CNCCLNet
import Glibc
import Platform

/// One of the two ranks of a plugin's self-test: does with it what NCCL would, without NCCL.
public enum PluginTrial {
    /// Loads the plugin, connects to the other rank both ways, sends messages of several sizes, and adds up tensors with
    /// it through CollNet.
    ///
    /// - Parameter directory: where the ranks leave their handles for each other.
    /// - Throws: `TrialFailure`, `SystemError`.
    public static func run(plugin path: String, in directory: String) throws {
        try dieWithParent(.kill)
        guard let rank = Environment.value("RANK").flatMap({ Int($0) }) else { throw TrialFailure("RANK is not set") }
        // It stays loaded.
        guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw TrialFailure(unsafe dlerror().map { unsafe String(cString: $0) } ?? "\(path) can't be loaded")
        }
        guard let net = unsafe dlsym(library, "ncclNetPlugin_v8") else {
            throw TrialFailure("\(path) has no ncclNetPlugin_v8: it is no net plugin for NCCL 2.21 and later")
        }
        let place = PluginMeeting(rank: rank, directory: directory)
        try unsafe PluginEnds(UnsafePointer(net.assumingMemoryBound(to: cncclnet_v8.self)), at: place).exchange()
        // `--runtime nccl-plugin` asks NCCL for it, which would go on without in silence.
        guard let group = unsafe dlsym(library, "ncclCollNetPlugin_v8") else {
            throw TrialFailure("\(path) has no ncclCollNetPlugin_v8: NCCL can't give it all-reduces (CollNet)")
        }
        try unsafe PluginGroup(UnsafePointer(group.assumingMemoryBound(to: cncclnet_collective_v8.self)), at: place)
            .reduce()
    }
}

/// How a rank of a trial finds the other one, and how long it is patient.
struct PluginMeeting {
    let rank: Int
    let directory: String
    private let deadline = ContinuousClock.now + .seconds(20)

    init(rank: Int, directory: String) {
        self.rank = rank
        self.directory = directory
    }

    /// Gives the other rank a handle, and takes its own.
    func exchange(_ handle: [UInt8], _ what: String) throws -> [UInt8] {
        try Files.replace("\(directory)/\(what)-\(rank)", with: handle)
        return try ask("the other rank's \(what)") { try? Files.read("\(directory)/\(what)-\(1 - rank)") }
    }

    func check(_ call: String, _ result: cncclnet_result) throws {
        if result != 0 { throw TrialFailure("the plugin's \(call) answers \(result)") }
    }

    /// Asks again and again until there is an answer.
    func ask<Value>(_ what: String, _ question: () throws -> Value?) throws -> Value {
        while true {
            if let value = try question() { return value }
            if ContinuousClock.now >= deadline { throw TrialFailure("waited 20 s for \(what)") }
            yieldProcessor()
        }
    }
}

/// A rank's ends of two connections, one for each way.
///
/// Safe: the plugin is never unloaded, so its table lives as long as the process.
@safe private struct PluginEnds {
    private let net: UnsafePointer<cncclnet_v8>
    private let place: PluginMeeting
    private var rank: Int { place.rank }

    init(_ net: UnsafePointer<cncclnet_v8>, at place: PluginMeeting) {
        unsafe self.net = net
        self.place = place
    }

    func exchange() throws {
        try unsafe place.check("init", cncclnet_init_quietly(net))
        var devices: CInt = 0
        try unsafe place.check("devices", net.pointee.devices(&devices))
        guard devices > 0 else { throw TrialFailure("the plugin offers no device") }
        var listener: UnsafeMutableRawPointer?
        var handle = [UInt8](repeating: 0, count: Int(CNCCLNET_HANDLE_BYTES))
        try unsafe place.check("listen", net.pointee.listen(0, &handle, &listener))
        var theirs = try place.exchange(handle, "handle")
        // Neither call waits: they are made again until both ends are there, as NCCL does.
        var sender: UnsafeMutableRawPointer?
        var receiver: UnsafeMutableRawPointer?
        var unused: UnsafeMutableRawPointer?
        _ = try place.ask("the connection") { () throws -> Bool? in
            if unsafe sender == nil {
                try unsafe place.check("connect", net.pointee.connect(0, &theirs, &sender, &unused))
            }
            if unsafe receiver == nil {
                try unsafe place.check("accept", net.pointee.accept(listener, &receiver, &unused))
            }
            return unsafe sender != nil && receiver != nil ? true : nil
        }
        for size in [0, 8, 65536, 1 << 20] { try unsafe message(size, sender, receiver) }
        try unsafe place.check("closeSend", net.pointee.close_sender(sender))
        try unsafe place.check("closeRecv", net.pointee.close_receiver(receiver))
        try unsafe place.check("closeListen", net.pointee.close_listener(listener))
    }

    /// Sends and receives one message at the same time, and looks at every byte.
    private func message(
        _ size: Int, _ sender: UnsafeMutableRawPointer?, _ receiver: UnsafeMutableRawPointer?
    ) throws {
        let outgoing = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 4096)
        let incoming = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 4096)
        defer {
            unsafe outgoing.deallocate()
            unsafe incoming.deallocate()
        }
        for index in 0..<size {
            unsafe outgoing.storeBytes(of: pattern(index, of: rank), toByteOffset: index, as: UInt8.self)
            unsafe incoming.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
        }
        let host = CInt(CNCCLNET_POINTER_HOST)
        var ours: UnsafeMutableRawPointer?
        var theirs: UnsafeMutableRawPointer?
        try unsafe place.check("regMr", net.pointee.register_memory(sender, outgoing, max(size, 1), host, &ours))
        try unsafe place.check("regMr", net.pointee.register_memory(receiver, incoming, max(size, 1), host, &theirs))
        var sending: UnsafeMutableRawPointer?
        var receiving: UnsafeMutableRawPointer?
        var target: UnsafeMutableRawPointer? = unsafe incoming
        var bytes = CInt(size)
        var tag: CInt = 7
        _ = try place.ask("a request") { () throws -> Bool? in
            if unsafe receiving == nil {
                try unsafe place.check(
                    "irecv", net.pointee.receive(receiver, 1, &target, &bytes, &tag, &theirs, &receiving))
            }
            if unsafe sending == nil {
                try unsafe place.check("isend", net.pointee.send(sender, outgoing, CInt(size), 7, ours, &sending))
            }
            return unsafe sending != nil && receiving != nil ? true : nil
        }
        let sent = try unsafe complete(sending)
        let received = try unsafe complete(receiving)
        guard sent == size, received == size else {
            throw TrialFailure("\(size) bytes were sent, and the plugin tells of \(sent) and \(received)")
        }
        for index in 0..<size {
            let byte = unsafe incoming.load(fromByteOffset: index, as: UInt8.self)
            if byte != pattern(index, of: 1 - rank) { throw TrialFailure("byte \(index) of \(size) came as \(byte)") }
        }
        try unsafe place.check("deregMr", net.pointee.deregister_memory(sender, ours))
        try unsafe place.check("deregMr", net.pointee.deregister_memory(receiver, theirs))
    }

    private func complete(_ request: UnsafeMutableRawPointer?) throws -> Int {
        var size: CInt = -1
        _ = try place.ask("a message") { () throws -> Bool? in
            var done: CInt = 0
            try unsafe place.check("test", net.pointee.test(request, &done, &size))
            return done != 0 ? true : nil
        }
        return Int(size)
    }

    private func pattern(_ index: Int, of rank: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8 &+ rank &* 97)
    }
}
