import Platform

/// The dynamic loader's own index of libraries, as `ldconfig` writes it.
public struct LoaderCache: Sendable {
    /// Paths by name, in the order of the file.
    private let entries: [(name: String, path: String)]

    public static let usualPath = "/etc/ld.so.cache"

    /// Reads the index; one that is missing or of another format is empty, as it is for the loader.
    public init(path: String = Self.usualPath) {
        entries = (try? Files.read(path)).map(Self.parse) ?? []
    }

    /// The files of a library's name.
    public func paths(of name: String) -> [String] { entries.filter { $0.name == name }.map(\.path) }

    /// The format "glibc-ld.so.cache1.1", alone or behind the older one.
    private static func parse(_ bytes: [UInt8]) -> [(name: String, path: String)] {
        let magic = Array("glibc-ld.so.cache1.1".utf8)
        guard let start = find(magic, in: bytes), bytes.count >= start + 48 else { return [] }
        func number(_ offset: Int) -> Int {
            bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func text(_ offset: Int) -> String {
            SystemText.string(bytes.dropFirst(start + offset).prefix { $0 != 0 })
        }
        let count = number(start + 20)
        guard count <= (bytes.count - start - 48) / 24 else { return [] }
        return (0..<count).map { index in
            let entry = start + 48 + index * 24
            return (text(number(entry + 4)), text(number(entry + 8)))
        }
    }

    /// Where some bytes begin; at 0, or behind the older table.
    private static func find(_ wanted: [UInt8], in bytes: [UInt8]) -> Int? {
        if bytes.starts(with: wanted) { return 0 }
        guard bytes.starts(with: Array("ld.so-1.7.0".utf8)), bytes.count > 16 else { return nil }
        let count = bytes[12..<16].reversed().reduce(0) { $0 << 8 | Int($1) }
        // 12 bytes an entry, and the new table begins at a multiple of 8.
        let start = (16 + count * 12 + 7) / 8 * 8
        return start < bytes.count && bytes.dropFirst(start).starts(with: wanted) ? start : nil
    }
}
