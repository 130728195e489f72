import Platform

/// An ELF file that can be looked at, and not be loaded: for tests in which only the header, the names in it and a
/// version text matter.
public struct FakeLibrary {
    public var machine: UInt16
    public var needed: [String] = []
    public var rpath: String?
    public var runpath: String?
    /// What lies in `.rodata`.
    public var constants = ""

    public init(machine: UInt16 = Self.ownMachine) { self.machine = machine }

    /// A libnccl of a version, as its text tells it.
    public static func nccl(_ version: String, machine: UInt16 = Self.ownMachine) -> FakeLibrary {
        var library = FakeLibrary(machine: machine)
        library.constants = "some text\0NCCL version %d\0NCCL version \(version)+cuda13.0\0more text\0"
        return library
    }

    #if arch(x86_64)
        public static let ownMachine: UInt16 = 62
        public static let otherMachine: UInt16 = 183
    #else
        public static let ownMachine: UInt16 = 183
        public static let otherMachine: UInt16 = 62
    #endif

    /// Writes the file and the folders above it.
    public func write(to path: String) throws {
        try Files.makeDirectories(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        try Files.replace(path, with: bytes, permissions: 0o755)
    }

    /// Header, program headers, strings, dynamic entries, constants, section names, section headers.
    public var bytes: [UInt8] {
        var strings: [UInt8] = [0]
        var entries: [(UInt64, UInt64)] = []
        func name(_ tag: UInt64, _ text: String) {
            entries.append((tag, UInt64(strings.count)))
            strings += Array(text.utf8) + [0]
        }
        for library in needed { name(1, library) }
        if let rpath { name(15, rpath) }
        if let runpath { name(29, runpath) }
        let stringsAt = 64 + 2 * 56
        let dynamicAt = (stringsAt + strings.count + 15) / 16 * 16
        // Addresses differ from offsets, as in real libraries.
        let base: UInt64 = 0x10000
        entries.append((5, base + UInt64(stringsAt)))
        entries.append((0, 0))
        let constantsAt = dynamicAt + entries.count * 16
        let namesAt = constantsAt + constants.utf8.count
        let names = Array("\0.rodata\0.shstrtab\0".utf8)
        let sectionsAt = (namesAt + names.count + 7) / 8 * 8
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        func put(_ value: UInt64, _ count: Int) {
            file += (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func fill(to place: Int) { file += [UInt8](repeating: 0, count: place - file.count) }
        for (value, count) in [(3, 2), (UInt64(machine), 2), (1, 4), (0, 8), (64, 8), (UInt64(sectionsAt), 8)] {
            put(value, count)
        }
        for (value, count) in [(0, 4), (64, 2), (56, 2), (2, 2), (64, 2), (3, 2), (2, 2)] as [(UInt64, Int)] {
            put(value, count)
        }
        func header(_ type: UInt64, at offset: Int, size: Int) {
            put(type, 4)
            put(4, 4)
            put(UInt64(offset), 8)
            put(base + UInt64(offset), 8)
            put(base + UInt64(offset), 8)
            put(UInt64(size), 8)
            put(UInt64(size), 8)
            put(8, 8)
        }
        header(1, at: 0, size: sectionsAt)
        header(2, at: dynamicAt, size: entries.count * 16)
        file += strings
        fill(to: dynamicAt)
        for (tag, value) in entries {
            put(tag, 8)
            put(value, 8)
        }
        file += Array(constants.utf8)
        file += names
        fill(to: sectionsAt)
        func section(name: UInt64, at offset: Int, size: Int) {
            put(name, 4)
            put(1, 4)
            put(2, 8)
            put(base + UInt64(offset), 8)
            put(UInt64(offset), 8)
            put(UInt64(size), 8)
            put(0, 8)
            put(1, 8)
            put(0, 8)
        }
        section(name: 0, at: 0, size: 0)
        section(name: 1, at: constantsAt, size: constants.utf8.count)
        section(name: 9, at: namesAt, size: names.count)
        return file
    }
}

/// The files of a Python with PyTorch and NCCL, of which only the places and versions are real: its `python` is a shell.
public struct FakeTorch {
    /// What a command names.
    public let python: String
    public let packages: String
    public var nccl: String { "\(packages)/nvidia/nccl/lib/libnccl.so.2" }

    public init(in directory: String, nccl version: String?, torch: String = "2.14.0+cu130") throws {
        python = "\(directory)/bin/python"
        packages = "\(directory)/lib/python3.11/site-packages"
        try Files.makeDirectories("\(directory)/bin")
        try Files.replace("\(directory)/pyvenv.cfg", with: Array("home = /usr/bin\n".utf8))
        // A copy, because a link to the shell would be the shell by its real name.
        try Files.replace(python, with: try Files.read("/bin/sh"), permissions: 0o755)
        try Files.makeDirectories("\(packages)/torch/lib")
        try Files.replace("\(packages)/torch/__init__.py", with: [])
        try Files.replace("\(packages)/torch/version.py", with: Array("__version__ = '\(torch)'\n".utf8))
        var cuda = FakeLibrary()
        cuda.needed = ["libc10.so", "libnccl.so.2"]
        cuda.rpath = "$ORIGIN/../../nvidia/nccl/lib:$ORIGIN"
        try cuda.write(to: "\(packages)/torch/lib/libtorch_cuda.so")
        if let version { try FakeLibrary.nccl(version).write(to: nccl) }
    }
}
