import Platform
import TestSupport
import Testing

/// Classic record locks, seen from two processes.
struct RecordLockTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("locks")
    }

    @Test func anotherProcessesLockIsRespected() throws {
        let other = try LineProgram("second-process")
        let lock = try LockFile.open(path)
        let range = LockRange(start: 10, length: 2)
        #expect(try other.ask("lock \(path) 10 2") == "yes")
        #expect(try lock.descriptor.tryLock(range) == false)
        #expect(try lock.descriptor.tryLock(LockRange(start: 11)) == false, "half of it")
        #expect(try lock.descriptor.tryLock(LockRange(start: 12)), "the byte behind it")
        #expect(try lock.descriptor.holder(in: range)?.process == other.process)
        #expect(try lock.descriptor.holder(in: range)?.range == range)
        #expect(try lock.descriptor.isLocked(range))
        #expect(try other.ask("lock \(path) 12 1") == "no")

        #expect(try other.ask("unlock \(path) 10 2") == "done")
        #expect(try lock.descriptor.holder(in: range) == nil)
        #expect(try lock.descriptor.tryLock(range))
        #expect(try lock.descriptor.tryLock(range), "a second time")
        #expect(try other.ask("lock \(path) 11 1") == "no")
        try lock.descriptor.unlock(range)
        #expect(try other.ask("lock \(path) 11 1") == "yes")
    }

    /// F_GETLK leaves out the asking process; `isLocked` must not.
    @Test func ownLocksAreSeenByIsLockedOnly() throws {
        let lock = try LockFile.open(path)
        let range = LockRange(start: 1 << 40)
        #expect(try lock.descriptor.isLocked(range) == false)
        #expect(try lock.descriptor.tryLock(range))
        #expect(try lock.descriptor.isLocked(range))
        #expect(try lock.descriptor.isLocked(LockRange(start: 0, length: 0)))
        #expect(try lock.descriptor.holder(in: range) == nil)
        #expect(try lock.descriptor.isLocked(LockRange(start: 1 << 40 + 1)) == false)
        try lock.descriptor.unlock(range)
        #expect(try lock.descriptor.isLocked(range) == false)
    }

    @Test(arguments: [Signal.kill, .terminate])
    func aDeadProcessHoldsNothing(signal: Signal) throws {
        let other = try LineProgram("second-process")
        #expect(try other.ask("lock \(path) 0 1") == "yes")
        let lock = try LockFile.open(path)
        #expect(try lock.descriptor.isLocked(LockRange(start: 0)))
        try other.process.send(signal)
        #expect(try other.waitUntilEnd() == .signalled(signal))
        #expect(try lock.descriptor.isLocked(LockRange(start: 0)) == false)
        #expect(try lock.descriptor.tryLock(LockRange(start: 0)))
    }

    /// A child has our descriptor, but not our lock: it can neither keep it nor drop it.
    @Test func childrenDoNotInheritLocks() throws {
        let lock = try LockFile.open(path)
        #expect(try lock.descriptor.tryLock(LockRange(start: 5)))
        let stdin = try Pipe()
        var child = ChildProcess(executable: "/bin/cat", arguments: ["cat"], environment: [:])
        child.descriptors = [(stdin.readEnd.number, 0), (lock.descriptor.number, 9)]
        let process = try child.spawn()
        try lock.descriptor.unlock(LockRange(start: 5))
        let other = try LineProgram("second-process")
        #expect(try other.ask("lock \(path) 5 1") == "yes", "the child keeps it")
        #expect(try other.ask("unlock \(path) 5 1") == "done")
        #expect(try lock.descriptor.tryLock(LockRange(start: 5)))
        try process.send(.kill)
        _ = try waitForEnd(of: process)
        #expect(try lock.descriptor.isLocked(LockRange(start: 5)), "the child's end dropped it")
    }

    /// The trap that `LockFile` is for. If this fails, the kernel has changed and `LockFile` may be simplified.
    @Test func closingAnyDescriptorDropsTheLocks() throws {
        let lock = try LockFile.open(path)
        #expect(try lock.descriptor.tryLock(LockRange(start: 5)))
        do {
            let second = try Descriptor.open(path, .readOnly)
            #expect(try second.content().isEmpty)
        }
        #expect(try lock.descriptor.isLocked(LockRange(start: 5)) == false)
    }

    @Test func lockFilesAreOpenedOnce() throws {
        let first = try LockFile.open(path)
        #expect(try first.descriptor.tryLock(LockRange(start: 0)))
        for _ in 0..<10 { #expect(try LockFile.open(path) === first) }
        #expect(try first.descriptor.isLocked(LockRange(start: 0)))
    }

    /// Somebody removes the directory of a simulated node and makes it anew while a daemon runs: both processes must
    /// mean the new file afterwards.
    @Test func aFileMadeAnewIsAnotherFile() throws {
        let other = try LineProgram("second-process")
        let old = try LockFile.open(path)
        #expect(try old.descriptor.tryLock(LockRange(start: 0)))
        try Files.remove(path)
        #expect(try other.ask("lock \(path) 0 1") == "yes")
        let new = try LockFile.open(path)
        #expect(new !== old)
        #expect(try new.descriptor.tryLock(LockRange(start: 0)) == false)
        #expect(try old.descriptor.isLocked(LockRange(start: 0)), "the old one is still ours")
        #expect(try LockFile.open(path) === new)
    }

    @Test func aMissingDirectoryIsAnError() throws {
        let error = try #require(throws: SystemError.self) { try LockFile.open(directory.path("no/locks")) }
        #expect(error.isNotFound)
        #expect(error.subject == directory.path("no/locks"))
    }
}

/// `holders(in:)`: the kernel names one lock a call, the rest is ours.
struct LockHoldersTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("locks")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let word: String
        let window: LockRange
        /// First bytes of the locks that are in it.
        let starts: [Int64]
        var testDescription: String { word }
    }

    /// Locks at 10..<12 and 30..<40 of one process, 12..<13 and 50... of another.
    static let cases: [Case] = [
        Case(word: "everything", window: LockRange(start: 0, length: 0), starts: [10, 12, 30, 50]),
        Case(word: "nothing", window: LockRange(start: 13, length: 17), starts: []),
        Case(word: "before all", window: LockRange(start: 0, length: 10), starts: []),
        Case(word: "up to the first byte", window: LockRange(start: 0, length: 11), starts: [10]),
        Case(word: "within one", window: LockRange(start: 33, length: 2), starts: [30]),
        Case(word: "two neighbours", window: LockRange(start: 11, length: 2), starts: [10, 12]),
        Case(word: "an open end within an open end", window: LockRange(start: 60, length: 0), starts: [50]),
        Case(word: "a last byte", window: LockRange(start: 39, length: 11), starts: [30]),
        Case(word: "a middle", window: LockRange(start: 12, length: 39), starts: [12, 30, 50]),
    ]

    @Test(arguments: cases)
    func ofTwoProcesses(test: Case) throws {
        let first = try LineProgram("second-process")
        let second = try LineProgram("second-process")
        for (program, range) in [(first, "30 10"), (second, "12 1"), (first, "10 2"), (second, "50 0")] {
            #expect(try program.ask("lock \(path) \(range)") == "yes")
        }
        let holders = try LockFile.open(path).descriptor.holders(in: test.window)
        #expect(holders.map(\.range.start) == test.starts)
        for holder in holders {
            let expected = [10, 30].contains(holder.range.start) ? first.process : second.process
            #expect(holder.process == expected)
        }
    }

    /// Random locks of three processes against a slow model that has an owner for each byte.
    @Test func agreesWithOwnersByByte() throws {
        var random = SplitMix(seed: 511)
        let programs = try (0..<3).map { _ in try LineProgram("second-process") }
        var owners = [Int?](repeating: nil, count: 64)
        let lock = try LockFile.open(path)
        for step in 0..<300 {
            let who = Int.random(in: 0..<3, using: &random)
            let start = Int.random(in: 0..<64, using: &random)
            let length = Int.random(in: 1...min(12, 64 - start), using: &random)
            let bytes = start..<start + length
            if Bool.random(using: &random) {
                let free = bytes.allSatisfy { owners[$0] == nil || owners[$0] == who }
                #expect(try programs[who].ask("lock \(path) \(start) \(length)") == (free ? "yes" : "no"))
                if free { for byte in bytes { owners[byte] = who } }
            } else {
                _ = try programs[who].ask("unlock \(path) \(start) \(length)")
                for byte in bytes where owners[byte] == who { owners[byte] = nil }
            }
            let from = Int.random(in: 0..<60, using: &random)
            let window = LockRange(start: Int64(from), length: Int64(Int.random(in: 0...(64 - from), using: &random)))
            let holders = try lock.descriptor.holders(in: window)
            var seen = [ProcessID?](repeating: nil, count: 64)
            for holder in holders {
                let end = holder.range.length == 0 ? 64 : holder.range.start + holder.range.length
                for byte in Int(holder.range.start)..<Int(end) { seen[byte] = holder.process }
            }
            let end = window.length == 0 ? 64 : from + Int(window.length)
            let expected = owners[from..<end].map { $0.map { programs[$0].process } }
            #expect(Array(seen[from..<end]) == expected, "seed \(random.seed), step \(step)")
            #expect(holders.map(\.range.start) == holders.map(\.range.start).sorted())
        }
    }
}
