import Platform
import Runtimes
import TestSupport
import Testing

/// Real files of this machine, and files that were made wrong.
struct ELFFileTests {
    /// The linker, not we, has written what is read here.
    @Test func aLibraryOfOurs() throws {
        let file = try ELFFile(path: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
        #expect(file.isForThisMachine && file.isShared)
        #expect(file.needed.contains { $0.hasPrefix("libc.so") }, "\(file.needed)")
        #expect(!file.constants(limit: 64 << 20).isEmpty)
    }

    @Test func aProgramOfTheSystem() throws {
        let file = try ELFFile(path: "/bin/sh")
        #expect(file.isForThisMachine && file.needed.contains { $0.hasPrefix("libc.so") })
    }

    @Test func directoriesAreThoseOfTheFile() throws {
        let directory = try TemporaryDirectory()
        var library = FakeLibrary()
        library.needed = ["libnccl.so.2", "libc.so.6"]
        library.rpath = "$ORIGIN/a:/b"
        library.runpath = "/c"
        try library.write(to: directory.path("lib.so"))
        let file = try ELFFile(path: directory.path("lib.so"))
        #expect(file.needed == ["libnccl.so.2", "libc.so.6"])
        #expect(file.rpath == ["$ORIGIN/a", "/b"] && file.runpath == ["/c"])
    }

    @Test func anotherProcessorIsNamed() throws {
        let directory = try TemporaryDirectory()
        try FakeLibrary(machine: FakeLibrary.otherMachine).write(to: directory.path("lib.so"))
        let file = try ELFFile(path: directory.path("lib.so"))
        #expect(!file.isForThisMachine && ["aarch64", "x86_64"].contains(file.machine.description))
    }

    @Test func whatIsNoSuchFile() throws {
        let directory = try TemporaryDirectory()
        try Files.replace(directory.path("text"), with: Array("#!/bin/sh\nexit\n            ".utf8))
        #expect(throws: ELFFile.Problem.notELF) { try ELFFile(path: directory.path("text")) }
        #expect(throws: ELFFile.Problem.notELF) { try ELFFile(path: "/dev/null") }
        #expect(throws: ELFFile.Problem.notELF) { try ELFFile(path: directory.path("")) }
        let missing = #expect(throws: ELFFile.Problem.self) { try ELFFile(path: directory.path("missing")) }
        #expect(missing?.description == "it does not exist")
    }

    /// Cut anywhere, or with any byte of its tables changed, a file is refused or read; it never ends the process.
    @Test func damagedFiles() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("lib.so")
        var library = FakeLibrary.nccl("2.29.7")
        library.needed = ["libc.so.6"]
        let whole = library.bytes
        for length in 0..<whole.count {
            try Files.replace(path, with: Array(whole[..<length]))
            _ = (try? ELFFile(path: path))?.constants(limit: 1 << 20)
        }
        for place in 4..<whole.count {
            for value: UInt8 in [0x00, 0x7f, 0xff] {
                var bytes = whole
                bytes[place] = value
                try Files.replace(path, with: bytes)
                _ = (try? ELFFile(path: path))?.constants(limit: 1 << 20)
            }
        }
        try Files.replace(path, with: whole)
        #expect(!(try ELFFile(path: path)).constants(limit: 1 << 20).isEmpty)
    }
}
