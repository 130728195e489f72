import NCCLTransport
import Testing

struct PeerHandleTests {
    @Test(arguments: ["", "flexmig-nccl-0123456789abcdef0123456789abcdef", String(repeating: "x", count: 100)])
    func survivesTheBootstrap(name: String) {
        let handle = PeerHandle(name: name, processors: 0xfedc_ba98_7654_3210)
        #expect(handle.encoded.count == 128)
        #expect(PeerHandle(decoding: handle.encoded) == handle)
    }

    /// Bytes of another plugin, another version, or nobody.
    @Test func whatIsNoHandleIsRefused() {
        let good = PeerHandle(name: "flexmig-nccl-1", processors: 7).encoded
        #expect(PeerHandle(decoding: [UInt8](repeating: 0, count: 128)) == nil)
        #expect(PeerHandle(decoding: Array(good.prefix(127))) == nil)
        for (place, value) in [
            (0, UInt8(0)), (8, 99), (9, 101), (18, UInt8(ascii: "/")), (18, UInt8(ascii: ".")), (20, 0),
        ] {
            var bytes = good
            bytes[place] = value
            #expect(PeerHandle(decoding: bytes) == nil, "byte \(place) is \(value)")
        }
    }
}
