import Platform

/// What is known of a program or shared library without running it: its ELF header, and what it asks the loader for.
///
/// Reads a few kilobytes of the file, however large it is.
public struct ELFFile: Hashable, Sendable {
    /// A processor, by its number in the ELF header.
    public struct Machine: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public var description: String {
            switch rawValue {
            case 3: "i386"
            case 21: "ppc64"
            case 62: "x86_64"
            case 183: "aarch64"
            case 243: "riscv"
            default: "machine \(rawValue)"
            }
        }
    }

    /// Why a file is not such a file.
    public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
        case unreadable(SystemError)
        case notELF
        /// Its tables lead nowhere: cut off, or damaged.
        case damaged

        public var description: String {
            switch self {
            case .unreadable(let error): error.isNotFound ? "it does not exist" : "it can't be read: \(error.reason)"
            case .notELF: "it is no ELF file"
            case .damaged: "it is damaged or not complete"
            }
        }
    }

    public let path: String
    public let machine: Machine
    public let is64Bit: Bool
    public let isLittleEndian: Bool
    /// Whether it is a shared library, or a program that can be loaded anywhere.
    public let isShared: Bool
    /// Names of the libraries that it needs.
    public private(set) var needed: [String] = []
    /// Directories that are searched before `LD_LIBRARY_PATH`, and after it; as they are written.
    public private(set) var rpath: [String] = []
    public private(set) var runpath: [String] = []
    private var readOnlyData: Range<Int>?

    /// - Throws: `Problem`.
    public init(path: String) throws(Problem) {
        guard !Files.exists(path) || Files.isRegular(path) else { throw .notELF }
        do {
            let file = try Descriptor.open(path, .readOnly)
            let head = try file.read(at: 0, count: 64)
            guard head.count >= 20, head.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { throw Problem.notELF }
            self.path = path
            is64Bit = head[4] == 2
            isLittleEndian = head[5] == 1
            let kind = UInt16(head[16]) | UInt16(head[17]) << 8
            let number =
                isLittleEndian ? UInt16(head[18]) | UInt16(head[19]) << 8 : UInt16(head[18]) << 8 | UInt16(head[19])
            machine = Machine(rawValue: number)
            isShared = kind == 3
            // Others can't be loaded here anyway; the machine says why.
            guard is64Bit, isLittleEndian else { return }
            guard head.count == 64 else { throw Problem.damaged }
            try readDynamic(file, head)
            readOnlyData = try Self.section(".rodata", file, head)
        } catch let error as SystemError {
            throw .unreadable(error)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw .damaged
        }
    }

    /// Whether the loader of this process takes files of that kind.
    public var isForThisMachine: Bool { is64Bit && isLittleEndian && machine == Self.ownMachine }

    /// The processor that this program was built for.
    public static var ownMachine: Machine {
        #if arch(x86_64)
            Machine(rawValue: 62)
        #elseif arch(arm64)
            Machine(rawValue: 183)
        #else
            Machine(rawValue: 0)
        #endif
    }

    /// The constants of the file, at most `limit` bytes; empty when they are more, or can't be found.
    public func constants(limit: Int) -> [UInt8] {
        guard let readOnlyData, readOnlyData.count <= limit, let file = try? Descriptor.open(path, .readOnly) else {
            return []
        }
        return (try? file.read(at: readOnlyData.lowerBound, count: readOnlyData.count)) ?? []
    }
}

extension ELFFile {
    // Sizes that no honest file exceeds, so that a damaged one costs nothing.
    private static let mostHeaders = 4096
    private static let mostBytes = 1 << 20

    private mutating func readDynamic(_ file: borrowing Descriptor, _ head: [UInt8]) throws {
        let count = Int(number(head, 56, 2))
        guard count <= Self.mostHeaders, number(head, 54, 2) == 56 || count == 0 else { throw Problem.damaged }
        let headers = try file.read(at: try place(number(head, 32, 8)), count: count * 56)
        guard headers.count == count * 56 else { throw Problem.damaged }
        var loads: [(address: UInt64, size: UInt64, offset: UInt64)] = []
        var dynamic: (offset: Int, size: Int)?
        for start in stride(from: 0, to: headers.count, by: 56) {
            let (offset, address, size) = (
                number(headers, start + 8, 8), number(headers, start + 16, 8), number(headers, start + 32, 8)
            )
            switch number(headers, start, 4) {
            case 1: loads.append((address, size, offset))
            case 2: dynamic = (try place(offset), try place(size))
            default: break
            }
        }
        guard let dynamic else { return }
        guard dynamic.size <= Self.mostBytes else { throw Problem.damaged }
        let entries = try file.read(at: dynamic.offset, count: dynamic.size)
        var names: [(tag: UInt64, offset: UInt64)] = []
        var table: UInt64?
        for start in stride(from: 0, to: entries.count / 16 * 16, by: 16) {
            let (tag, value) = (number(entries, start, 8), number(entries, start + 8, 8))
            if tag == 0 { break }
            if tag == 5 { table = value }
            if [1, 15, 29].contains(tag) { names.append((tag, value)) }
        }
        guard !names.isEmpty else { return }
        guard let table, let load = loads.first(where: { $0.address <= table && table - $0.address < $0.size }),
            names.count <= Self.mostHeaders
        else { throw Problem.damaged }
        let strings = try place(table - load.address &+ load.offset)
        for name in names {
            let text = try string(file, at: try place(UInt64(strings) &+ name.offset))
            switch name.tag {
            case 1: needed.append(text)
            case 15: rpath += Self.directories(text)
            default: runpath += Self.directories(text)
            }
        }
    }

    private static func section(
        _ name: String, _ file: borrowing Descriptor, _ head: [UInt8]
    ) throws -> Range<Int>? {
        func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int {
            Int(clamping: bytes[start..<start + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        let (count, names) = (number(head, 60, 2), number(head, 62, 2))
        // A stripped file may have none.
        guard number(head, 58, 2) == 64, names < count else { return nil }
        let headers = try file.read(at: number(head, 40, 8), count: count * 64)
        guard headers.count == count * 64 else { return nil }
        let table = (offset: number(headers, names * 64 + 24, 8), size: number(headers, names * 64 + 32, 8))
        guard table.size <= mostBytes else { return nil }
        let texts = try file.read(at: table.offset, count: table.size)
        for start in stride(from: 0, to: headers.count, by: 64) {
            let text = texts.dropFirst(number(headers, start, 4)).prefix { $0 != 0 }
            guard text.elementsEqual(name.utf8) else { continue }
            let (offset, size) = (number(headers, start + 24, 8), number(headers, start + 32, 8))
            guard offset < Int.max - size else { return nil }
            return offset..<offset + size
        }
        return nil
    }

    private func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func place(_ value: UInt64) throws -> Int {
        guard value < UInt64(Int.max) / 2 else { throw Problem.damaged }
        return Int(value)
    }

    private func string(_ file: borrowing Descriptor, at offset: Int) throws -> String {
        let bytes = try file.read(at: offset, count: 8192)
        guard let end = bytes.firstIndex(of: 0) else { throw Problem.damaged }
        return SystemText.string(bytes[..<end])
    }

    private static func directories(_ text: String) -> [String] {
        text.split(separator: ":").map(String.init)
    }
}
