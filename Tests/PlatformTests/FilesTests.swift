import Platform
import TestSupport
import Testing

struct FilesTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    /// A reader sees a whole content, the old or the new, at every moment.
    @Test func replacingIsOneStep() async throws {
        let path = directory.path("file")
        let contents = (0..<2).map { [UInt8](repeating: UInt8(ascii: "a") + UInt8($0), count: 10_000) }
        try Files.replace(path, with: contents[0])
        try await withThrowingTaskGroup { group in
            group.addTask { for turn in 0..<500 { try Files.replace(path, with: contents[turn % 2]) } }
            group.addTask {
                for _ in 0..<2000 {
                    let seen = try Files.read(path)
                    #expect(contents.contains(seen))
                }
            }
            try await group.waitForAll()
        }
        #expect(try Files.names(in: directory.path) == ["file"], "nothing is left beside it")
    }

    @Test func permissionsAreAsWished() throws {
        try Files.replace(directory.path("file"), with: [1], permissions: 0o600)
        #expect(!Files.isExecutable(directory.path("file")))
        try Files.replace(directory.path("file"), with: [1], permissions: 0o700)
        #expect(Files.isExecutable(directory.path("file")))
        #expect(!Files.isExecutable(directory.path), "a directory")
    }

    /// Of a file that was replaced twice within the kernel's clock tick, the number of the first may come again. Nobody
    /// looks at the file in between: a look makes recent kernels give finer stamps.
    @Test func everyVersionHasItsOwnIdentity() throws {
        let path = directory.path("file")
        var seen: Set<FileIdentity> = []
        for turn in 0..<500 {
            try Files.replace(path, with: [UInt8(turn % 256)])
            try Files.replace(path, with: [UInt8(turn % 256)])
            seen.insert(try Files.identity(of: path))
        }
        #expect(seen.count == 500)
        #expect(try Files.identity(of: path) == Files.identity(of: path))
    }

    @Test(arguments: [
        ("read", "missing"), ("replace", "no/such/file"), ("names", "missing"), ("absolute", "missing"),
        ("identity", "missing"), ("owner", "missing"), ("free bytes", "missing"),
    ])
    func missingFilesAreNamed(word: String, name: String) throws {
        let path = directory.path(name)
        let error = #expect(throws: SystemError.self) {
            switch word {
            case "read": _ = try Files.read(path)
            case "replace": try Files.replace(path, with: [])
            case "names": _ = try Files.names(in: path)
            case "absolute": _ = try Files.absolute(path)
            case "identity": _ = try Files.identity(of: path)
            case "owner": _ = try Files.owner(of: path)
            default: _ = try Files.freeBytes(in: path)
            }
        }
        #expect(error?.isNotFound == true)
        #expect(error?.subject == path)
    }

    @Test func aDirectoryIsNoFile() throws {
        let error = try #require(throws: SystemError.self) { try Files.read(directory.path) }
        #expect(error.description == "\(directory.path): Is a directory (read)")
        #expect(throws: SystemError.self) { try Files.replace(directory.path, with: []) }
        #expect(try Files.names(in: directory.path).isEmpty, "a failed replacement leaves nothing")
    }

    @Test func directories() throws {
        let deep = directory.path("a/b/c")
        try Files.makeDirectories(deep)
        try Files.makeDirectories(deep)
        try Files.makeDirectory(deep)
        #expect(Files.isDirectory(deep))
        try Files.replace("\(deep)/file", with: [])
        let inTheWay = try #require(throws: SystemError.self) { try Files.makeDirectory("\(deep)/file") }
        #expect(inTheWay.isAlreadyThere)
        #expect(throws: SystemError.self) { try Files.removeDirectory(deep) }
        try Files.remove("\(deep)/file")
        try Files.remove("\(deep)/file")
        try Files.removeDirectory(deep)
        try Files.removeDirectory(deep)
        #expect(try Files.names(in: directory.path("a/b")).isEmpty)
    }

    @Test func namesAreSorted() throws {
        for name in ["b", ".hidden", "a", "Z"] { try Files.replace(directory.path(name), with: []) }
        #expect(try Files.names(in: directory.path) == [".hidden", "Z", "a", "b"])
    }

    @Test func renamingReplacesAnEmptyDirectoryOnly() throws {
        try Files.makeDirectories(directory.path("new"))
        try Files.replace(directory.path("new/file"), with: [7])
        try Files.makeDirectory(directory.path("empty"))
        try Files.rename(directory.path("new"), to: directory.path("empty"))
        #expect(try Files.read(directory.path("empty/file")) == [7])
        try Files.makeDirectory(directory.path("other"))
        #expect(throws: SystemError.self) { try Files.rename(directory.path("other"), to: directory.path("empty")) }
    }

    @Test func textWithBrokenBytesIsShown() throws {
        try Files.replace(directory.path("file"), with: [0x61, 0xff, 0x62])
        #expect(try Files.readText(directory.path("file")) == "a\u{FFFD}b")
    }

    @Test func executableDirectoryIsWhereTheProductsAre() throws {
        #expect(Files.isExecutable("\(try Files.executableDirectory())/second-process"))
        #expect(throws: SystemError.self) { try BuiltProduct.path("no-such-product") }
    }
}
