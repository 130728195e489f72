import Platform
import TestSupport
import Testing

struct FileMutexTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("mutex")
    }

    private func increment(_ file: String) throws {
        try FileMutex.withLock(path: path, timeout: nil) {
            let number = try #require(Int(try Files.readText(file)))
            try Files.replace(file, with: Array("\(number + 1)".utf8))
        }
    }

    /// A number in a file, read and written by four threads and two other processes at once: no addition is lost.
    @Test func excludesThreadsAndProcesses() async throws {
        let file = directory.path("number")
        try Files.replace(file, with: Array("0".utf8))
        let others = try (0..<2).map { _ in try LineProgram("second-process") }
        for other in others { try other.send("count \(file) \(path) 200") }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<100 { try self.increment(file) } }
            }
            try await group.waitForAll()
        }
        for other in others { #expect(try other.nextLine() == "done") }
        #expect(try Files.readText(file) == "800")
    }

    @Test func waitsNoLongerThanToldTo() throws {
        let other = try LineProgram("second-process")
        #expect(try other.ask("mutex \(path)") == "in")
        for timeout in [Duration.zero, .milliseconds(20)] {
            let error = try #require(throws: SystemError.self) {
                try FileMutex.withLock(path: path, timeout: timeout) { Issue.record("two were in at once") }
            }
            #expect(error == SystemError(call: "fcntl(lock)", code: error.code, subject: path))
            #expect(error.isTimeout)
        }
        #expect(try other.ask("leave") == "out")
        #expect(try FileMutex.withLock(path: path, timeout: .zero) { 7 } == 7)
    }

    @Test func waitsForEverWhenToldSo() throws {
        let first = try LineProgram("second-process")
        let second = try LineProgram("second-process")
        #expect(try first.ask("mutex \(path)") == "in")
        try second.send("mutex \(path)")
        // Silence proves nothing, but noise would prove a bug.
        #expect(throws: TimedOut.self) { try second.nextLine(timeout: .milliseconds(50)) }
        #expect(try first.ask("leave") == "out")
        #expect(try second.nextLine() == "in")
        #expect(try second.ask("leave") == "out")
    }

    @Test func anEndedHolderLetsGo() throws {
        let other = try LineProgram("second-process")
        #expect(try other.ask("mutex \(path)") == "in")
        try other.kill()
        #expect(try FileMutex.withLock(path: path, timeout: .zero) { true })
    }

    @Test func anErrorLetsGo() throws {
        struct Sentinel: Error {}
        #expect(throws: Sentinel.self) {
            try FileMutex.withLock(path: path, timeout: nil) { throw Sentinel() }
        }
        #expect(try FileMutex.withLock(path: path, timeout: .zero) { true })
    }

    /// Not re-entrant: a second lock in the same thread is somebody else's.
    @Test func theSameThreadIsExcludedToo() throws {
        _ = try FileMutex.withLock(path: path, timeout: nil) {
            #expect(throws: SystemError.self) {
                try FileMutex.withLock(path: path, timeout: .zero) { Issue.record("twice in") }
            }
        }
    }

    @Test func aMissingDirectoryIsAnError() throws {
        let error = try #require(throws: SystemError.self) {
            try FileMutex.withLock(path: directory.path("no/mutex"), timeout: nil) {}
        }
        #expect(error.isNotFound)
    }
}
