import CNCCLNet

/// A rank's part of a CollNet group of two.
///
/// Safe: the plugin is never unloaded, so its table lives as long as the process.
@safe struct PluginGroup {
    private let net: UnsafePointer<cncclnet_collective_v8>
    private let place: PluginMeeting

    init(_ net: UnsafePointer<cncclnet_collective_v8>, at place: PluginMeeting) {
        unsafe self.net = net
        self.place = place
    }

    /// Makes the group, adds up tensors of several sizes, and looks at every element.
    func reduce() throws {
        try unsafe place.check("CollNet init", cncclnet_collective_init_quietly(net))
        var supported: CInt = 0
        let (type, sum) = (CInt(CNCCLNET_INT32), CInt(CNCCLNET_SUM))
        try unsafe place.check("reduceSupport", net.pointee.reduce_support(type, sum, &supported))
        guard supported != 0 else { throw TrialFailure("the plugin's CollNet can't add integers") }
        var listener: UnsafeMutableRawPointer?
        var ours = [UInt8](repeating: 0, count: Int(CNCCLNET_HANDLE_BYTES))
        try unsafe place.check("CollNet listen", net.pointee.listen(0, &ours, &listener))
        let theirs = try place.exchange(ours, "group")
        var group: UnsafeMutableRawPointer?
        // Waits for the other rank, within FLEXMIG_TIMEOUT.
        try unsafe connect(place.rank == 0 ? [ours, theirs] : [theirs, ours], listener, &group)
        for count in [1, 1000, 500_000] { try unsafe reduce(count, group) }
        try unsafe place.check("closeColl", net.pointee.close_group(group))
        try unsafe place.check("CollNet closeListen", net.pointee.close_listener(listener))
    }

    private func connect(
        _ handles: [[UInt8]], _ listener: UnsafeMutableRawPointer?, _ group: inout UnsafeMutableRawPointer?
    ) throws {
        let bytes = Int(CNCCLNET_HANDLE_BYTES)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * bytes, alignment: 16)
        defer { unsafe memory.deallocate() }
        for (index, byte) in handles.joined().enumerated() {
            unsafe memory.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        var places: [UnsafeMutableRawPointer?] = unsafe [memory, memory + bytes]
        let result = unsafe net.pointee.connect(&places, 2, CInt(place.rank), listener, &group)
        try place.check("CollNet connect", result)
        if unsafe group == nil { throw TrialFailure("the plugin's CollNet connect gives no group") }
    }

    private func reduce(_ count: Int, _ group: UnsafeMutableRawPointer?) throws {
        let input = UnsafeMutablePointer<Int32>.allocate(capacity: count)
        let output = UnsafeMutablePointer<Int32>.allocate(capacity: count)
        defer {
            unsafe input.deallocate()
            unsafe output.deallocate()
        }
        for index in 0..<count {
            unsafe input[index] = Int32(truncatingIfNeeded: index &* (place.rank + 1))
            unsafe output[index] = -1
        }
        let (host, bytes) = (CInt(CNCCLNET_POINTER_HOST), count * 4)
        var ours: UnsafeMutableRawPointer?
        var theirs: UnsafeMutableRawPointer?
        try unsafe place.check("CollNet regMr", net.pointee.register_memory(group, input, bytes, host, &ours))
        try unsafe place.check("CollNet regMr", net.pointee.register_memory(group, output, bytes, host, &theirs))
        var request: UnsafeMutableRawPointer?
        _ = try place.ask("a request of CollNet") { () throws -> Bool? in
            try unsafe place.check(
                "iallreduce",
                net.pointee.all_reduce(
                    group, input, output, CInt(count), CInt(CNCCLNET_INT32), CInt(CNCCLNET_SUM), ours, theirs, &request)
            )
            return unsafe request != nil ? true : nil
        }
        _ = try place.ask("an all-reduce") { () throws -> Bool? in
            var (done, size): (CInt, CInt) = (0, 0)
            try unsafe place.check("CollNet test", net.pointee.test(request, &done, &size))
            return done != 0 ? true : nil
        }
        for index in 0..<count {
            let sum = unsafe output[index]
            if sum != Int32(truncatingIfNeeded: index &* 3) {
                throw TrialFailure("element \(index) of \(count) came out of CollNet as \(sum)")
            }
        }
        try unsafe place.check("CollNet deregMr", net.pointee.deregister_memory(group, ours))
        try unsafe place.check("CollNet deregMr", net.pointee.deregister_memory(group, theirs))
    }
}
