import Platform
import TestSupport
import Testing

struct SharedMemoryTests {
    private func newName() -> SharedMemoryName { SharedMemoryName("flexmig-test-\(randomToken(bytes: 8))") }

    @Test func twoMappingsAreOneMemory() throws {
        let name = newName()
        defer { try? name.unlink() }
        let first = try SharedMemory(creating: name, size: 10_000)
        #expect(unsafe first.bytes.count == 10_000)
        #expect(unsafe first.bytes.allSatisfy { $0 == 0 })
        let second = try SharedMemory(opening: name)
        #expect(unsafe second.bytes.count == 10_000)
        unsafe first.bytes[9_999] = 42
        #expect(unsafe second.bytes[9_999] == 42)
        try name.unlink()
        try name.unlink()
        unsafe second.bytes[0] = 7
        #expect(unsafe first.bytes[0] == 7, "those who have it mapped keep it")
        #expect(throws: SystemError.self) { _ = try SharedMemory(opening: name) }
    }

    @Test func namesAreTakenOnce() throws {
        let name = newName()
        defer { try? name.unlink() }
        let first = try SharedMemory(creating: name, size: 1)
        let error = try #require(throws: SystemError.self) { _ = try SharedMemory(creating: name, size: 1) }
        #expect(error.isAlreadyThere)
        #expect(Files.exists(name.path), "the loser does not remove the winner's")
        #expect(SharedMemoryName.all(withPrefix: name.text) == [name])
        #expect(SharedMemoryName.all(withPrefix: "").isEmpty)
        _ = consume first
    }

    /// A creator that was killed between making the file and sizing it.
    @Test func anUnsizedSegmentIsNotReady() throws {
        let name = newName()
        defer { try? name.unlink() }
        try Files.replace(name.path, with: [])
        let error = try #require(throws: SystemError.self) { _ = try SharedMemory(opening: name) }
        #expect(error.description == "\(name.path): No data available (mmap)")
    }

    @Test(arguments: [("more than there is", Int(1) << 50), ("nothing", 0), ("less than nothing", -1)])
    func failingLeavesNothing(word: String, size: Int) throws {
        let name = newName()
        #expect(throws: SystemError.self, "\(word)") { _ = try SharedMemory(creating: name, size: size) }
        #expect(!Files.exists(name.path))
        #expect(try SharedMemoryName.freeBytes() > 0)
    }
}
