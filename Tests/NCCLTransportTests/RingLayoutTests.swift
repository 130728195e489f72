import NCCLTransport
import Testing

struct RingLayoutTests {
    /// Hundreds of connections must fit into what is free.
    @Test(arguments: [0, 64 << 20, 1 << 30, 1 << 40])
    func takesLittleOfWhatIsFree(freeBytes: Int) {
        let layout = RingLayout.fitting(freeBytes: freeBytes)
        #expect(layout.totalBytes <= max(freeBytes / 256, RingLayout(partBytes: RingLayout.leastPart).totalBytes))
        #expect(layout.partBytes <= RingLayout.usualPart)
    }

    @Test func withRoomItIsTheUsualOne() {
        #expect(RingLayout.fitting(freeBytes: .max).partBytes == RingLayout.usualPart)
        #expect(RingLayout.fitting(freeBytes: .max, wanted: 8192).partBytes == 8192)
    }
}
