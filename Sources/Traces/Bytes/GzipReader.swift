import CZlib

/// What was compressed with gzip (RFC 1952), member after member, with checksums; memory stays bounded. zlib inflates.
///
/// A class, because zlib's stream must stay at one place in memory and be ended once. One thread at a time uses it.
@safe final class GzipReader {
    static let magic: [UInt8] = [0x1F, 0x8B]
    private static let chunk = 1 << 17

    private let source: ByteSource
    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8]
    /// How much of `input` is used up.
    private var position = 0
    private var state = State.member

    private enum State {
        case member
        /// A member has ended; zeros, another member or nothing may follow.
        case between
        case end
    }

    /// - Parameter beginning: the first bytes of the data, at least as many as the magic number has.
    /// - Throws: `TraceProblem` where zlib has no memory or is another version than its header.
    init(beginning: [UInt8], _ source: @escaping ByteSource) throws {
        self.source = source
        input = beginning
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for "gzip, nothing else".
        let code = unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            // deinit gives the stream's memory back; inflateEnd refuses a stream that was never begun.
            throw TraceProblem("zlib can't be used (its error \(code))", remedy: "Install zlib again.")
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The next bytes, about 128 KiB at most; none at the end.
    ///
    /// - Throws: `TraceProblem` where the data end early or are damaged.
    func next() throws -> [UInt8] {
        while true {
            if position == input.count, state != .end {
                input = try source()
                position = 0
                if input.isEmpty {
                    guard state == .between else { throw TraceProblem.endOfGzip }
                    state = .end
                }
            }
            switch state {
            case .end: return []
            case .between: try findMember()
            case .member:
                let output = try inflateSome()
                if !output.isEmpty { return output }
            }
        }
    }

    /// Gives zlib what there is of the input until it has given a chunk or wants more.
    private func inflateSome() throws(TraceProblem) -> [UInt8] {
        var code = Z_OK
        let output = unsafe [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
            unsafe input.withUnsafeMutableBufferPointer { bytes in
                // Both buffers stay where they are until inflate has returned, and it keeps no pointer into them.
                unsafe stream.pointee.next_in = bytes.baseAddress.map { unsafe $0 + position }
                unsafe stream.pointee.avail_in = UInt32(bytes.count - position)
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(Self.chunk)
                code = unsafe inflate(stream, Z_NO_FLUSH)
                position = unsafe bytes.count - Int(stream.pointee.avail_in)
                count = unsafe Self.chunk - Int(stream.pointee.avail_out)
            }
        }
        switch code {
        case Z_OK: return output
        case Z_STREAM_END:
            state = .between
            return output
        // No progress was possible: it wants more input.
        case Z_BUF_ERROR: return output
        default: throw unsafe Self.problem(stream.pointee.msg.map { unsafe String(cString: $0) })
        }
    }

    private static func problem(_ message: String?) -> TraceProblem {
        switch message {
        case "incorrect data check", "incorrect length check":
            TraceProblem(
                "the checksum of the compressed data is wrong: the file is damaged", remedy: "Fetch it again.")
        case "incorrect header check", "unknown compression method", "unknown header flags set", "header crc mismatch":
            TraceProblem("this is no gzip data", remedy: "Fetch the file again.")
        default: TraceProblem.damagedGzip
        }
    }

    /// Skips zeros that fill up a block of a tape, and begins another member where one follows.
    private func findMember() throws(TraceProblem) {
        while position < input.count, input[position] == 0 { position += 1 }
        guard position < input.count else { return }
        guard input[position] == Self.magic[0] else {
            throw TraceProblem(
                "after the compressed data come bytes that are no gzip",
                remedy: "Fetch the file again, or leave out what was appended to it.")
        }
        guard unsafe inflateReset(stream) == Z_OK else { throw TraceProblem.damagedGzip }
        state = .member
    }
}
