/// Gives the next bytes of a file each time it is called, and no bytes at the end.
public typealias ByteSource = () throws -> [UInt8]

/// Bytes that are in memory already, in pieces of that many.
public func byteSource(_ bytes: [UInt8], pieces: Int = 1 << 18) -> ByteSource {
    var position = 0
    return {
        let end = min(position + max(1, pieces), bytes.count)
        defer { position = end }
        return Array(bytes[position..<end])
    }
}

/// The bytes as they are, or what was compressed with gzip, whichever the first two bytes show.
public func uncompressed(_ source: @escaping ByteSource) -> ByteSource {
    var reader: GzipReader?
    var isPlain = false
    return {
        if isPlain { return try source() }
        if reader == nil {
            var first = try source()
            while first.count < 2 {
                let more = try source()
                if more.isEmpty { break }
                first += more
            }
            guard first.starts(with: GzipReader.magic) else {
                isPlain = true
                return first
            }
            reader = try GzipReader(beginning: first, source)
        }
        return try reader?.next() ?? []
    }
}
