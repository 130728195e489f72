import Collectives
import Glibc
import Platform
import Testing

extension ProcessTests {
    /// How ranks come together, or fail to.
    @Suite(.serialized) struct Joining {
        private func expectNothingLeft(_ group: RankProcesses, _ location: SourceLocation = #_sourceLocation) {
            #expect(group.leftovers == [], sourceLocation: location)
        }

        @Test func ranksThatComeInAnyOrderMeet() throws {
            for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
                let group = RankProcesses()
                for rank in order { try group.start(["join"], of: 3, only: [rank]) }
                try group.finish()
                #expect(group.ranks.map(\.text) == order.map { "joined \($0)/3\n" })
                expectNothingLeft(group)
            }
        }

        @Test func missingRanksAreNamed() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 4, only: [0, 1, 3], extra: ["FLEXMIG_TIMEOUT": "0.5"])
            try group.finish()
            // The ranks' times run out at about the same moment: a rank may be one that another has waited for.
            for rank in group.ranks { #expect(rank.words(after: "error")?.first == "join-timed-out", "\(rank.text)") }
            #expect(group.ranks.contains { $0.error == "join-timed-out 2" && $0.text.contains("1 of 4 ranks") })
            expectNothingLeft(group)
        }

        @Test func aMissingRank0IsNamed() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 2, only: [1], extra: ["FLEXMIG_TIMEOUT": "0.3"])
            try group.finish()
            #expect(group.ranks[0].error == "join-timed-out 0")
            #expect(group.ranks[0].text.contains("there is no such segment"))
            expectNothingLeft(group)
        }

        @Test(arguments: [0, 1])
        func aRankKilledWhileOthersAreMissingIsNamedWithinASecond(victim: Int) throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0, 1])
            try group.waitUntilAttached(2)
            let instant = ContinuousClock.now
            try group.kill(victim)
            try group.finish()
            let other = group.ranks[1 - victim]
            #expect(other.error == "rank-died \(victim)", "\(other.text)")
            #expect(other.endedAt.map { $0 - instant < .seconds(1) } == true)
            expectNothingLeft(group)
        }

        /// The test plays a rank 0 that published its segment and died before anyone could attach. Again and again, for
        /// one that is there at rank 1's first look could be a leftover.
        @Test func rank0KilledBeforeAnyoneAttachedIsNamed() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 2, only: [1])
            let path = "/dev/shm/\(group.prefix)-0"
            let deadline = ContinuousClock.now + .seconds(30)
            repeat {
                try Files.remove(path)
                let file = try Descriptor.open(path, [.writeOnly, .create, .exclusive], permissions: 0o600)
                try file.write([UInt8](repeating: 0xa5, count: 4096))
            } while try group.isSilent(0, for: .milliseconds(100)) && ContinuousClock.now < deadline
            try group.finish()
            #expect(group.ranks[0].error == "rank-died 0", "\(group.ranks[0].text)")
            // Rank 1 has tidied up after the dead one.
            expectNothingLeft(group)
        }

        @Test func rank0KilledAloneLeavesWhatTheNextOneReplaces() throws {
            let first = RankProcesses()
            try first.start(["join"], of: 2, only: [0])
            try first.waitUntilAttached(1)
            try first.kill(0)
            try first.finish()
            #expect(first.leftovers == ["\(first.prefix)-0"])
            // A rank that comes before the new rank 0 does not trust what it finds.
            let start = first.ranks.count
            try first.start(["join"], of: 2, only: [1])
            try first.start(["join"], of: 2, only: [0])
            try first.finish()
            #expect(first.ranks[start...].map(\.text) == ["joined 1/2\n", "joined 0/2\n"])
            expectNothingLeft(first)
        }

        @Test(arguments: [0, 4096, 1 << 20])
        func foreignBytesUnderTheNameAreReplaced(size: Int) throws {
            let group = RankProcesses()
            let path = "/dev/shm/\(group.prefix)-0"
            do {
                let file = try Descriptor.open(path, [.readWrite, .create, .exclusive], permissions: 0o600)
                try file.write([UInt8](repeating: 0xa5, count: size))
            }
            try group.start(["trials", "3", "5", "4096"], of: 2)
            try group.finish()
            #expect(group.ranks.map(\.end) == [.exited(code: 0), .exited(code: 0)], "\(group.ranks.map(\.text))")
            expectNothingLeft(group)
        }

        @Test func aSecondProcessOfTheSameRankIsRefused() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0, 1])
            try group.waitUntilAttached(2)
            try group.start(["join"], of: 3, only: [1])
            try group.read(until: { $0.process != group.ranks[2].process || $0.text.contains("\n") })
            #expect(group.ranks[2].error == "rank-taken 1")
            // The refused one has disturbed nobody.
            try group.start(["join"], of: 3, only: [2])
            try group.finish()
            #expect(group.ranks[0].text == "joined 0/3\n")
            #expect(group.ranks[1].text == "joined 1/3\n")
            expectNothingLeft(group)
        }

        @Test func anotherWorldSizeIsRefused() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0])
            try group.waitUntilAttached(1)
            try group.start(["join"], of: 2, only: [1])
            try group.read(until: { $0.process != group.ranks[1].process || $0.text.contains("\n") })
            #expect(group.ranks[1].error == "incompatible 0")
            let reason = "the world size of \(group.prefix)-0 is 3 as rank 0 made it, but rank 1 has 2"
            #expect(group.ranks[1].text.contains(reason))
        }

        // MARK: A full /dev/shm

        /// With a real file system that is too small, which only root can mount: in a mount namespace of the rank's
        /// own, so nobody else sees it.
        @Test(.enabled(if: getuid() == 0, "mounting a small /dev/shm needs root"))
        func aSmallFileSystemIsNamedWithNeedAndWayOut() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 8, only: [0], wrappedIn: smallSharedMemory("128k"))
            try group.finish()
            let text = group.ranks[0].text
            #expect(text.hasPrefix("error out-of-shared-memory"), "\(text)")
            let need = RegionLayout(
                worldSize: 8, stageBytes: RegionLayout.leastStageBytes(worldSize: 8),
                messageSlots: RegionLayout.fewMessageSlots
            ).totalBytes
            #expect(text.contains("of 8 ranks needs \(need) bytes of /dev/shm, 131072 are free"), "\(text)")
            #expect(text.contains("docker run --shm-size"))
            #expect(group.ranks[0].end == .exited(code: 3))
        }

        @Test(.enabled(if: getuid() == 0, "mounting another /dev/shm needs root"))
        func aFileSystemThatCantBeWrittenIsNamedWithTheWayOut() throws {
            let group = RankProcesses()
            let mounting = "mount -t tmpfs -o ro none /dev/shm && exec \"$@\""
            try group.start(["join"], of: 2, only: [0], wrappedIn: ["unshare", "--mount", "sh", "-c", mounting, "sh"])
            try group.finish()
            let text = group.ranks[0].text
            #expect(text.hasPrefix("error system - can't create shared memory; /dev/shm has to be a tmpfs"), "\(text)")
            #expect(text.contains("/dev/shm/\(group.prefix)-0: Read-only file system"), "\(text)")
            #expect(group.ranks[0].end == .exited(code: 3))
        }

        /// The whole job in one mount namespace: a shell starts both ranks. The second tensor has no room, which both
        /// ranks are told, and then they go on.
        @Test(.enabled(if: getuid() == 0, "mounting a small /dev/shm needs root"))
        func aSmallFileSystemMakesTheStageSmallerAndTensorsScarce() throws {
            let group = RankProcesses()
            let both = "{ RANK=1 \"$@\" & \"$@\"; wait; }"
            try group.start(
                ["scarce", "65536"], of: 2, only: [0], extra: ["FLEXMIG_DEBUG": "info"],
                wrappedIn: smallSharedMemory("1m", running: both), withErrors: true)
            try group.finish()
            let text = group.ranks[0].text
            // The most that leaves half of 1 MiB free, halved from 1 MiB.
            #expect(text.contains("rank 0/2 joined \(group.prefix)-0: stage 32768 bytes a rank"), "\(text)")
            let refusals = group.ranks[0].lines.filter { $0.hasPrefix("refused out-of-shared-memory a tensor of") }
            #expect(refusals.count == 2, "\(text)")
            #expect(refusals.allSatisfy { $0.contains("of 2097152 bytes on each of 2 ranks needs 4194304 bytes") })
            #expect(group.ranks[0].lines.filter { $0 == "went on with a tensor of 65536" }.count == 2, "\(text)")
            #expect(group.ranks[0].end == .exited(code: 0))
        }

        /// Room for one communicator of two ranks, but not for their group: both are told at once, not when the time is up.
        @Test(.enabled(if: getuid() == 0, "mounting a small /dev/shm needs root"))
        func aSplitWithoutRoomIsToldToAll() throws {
            let group = RankProcesses()
            let both = "{ RANK=1 \"$@\" & \"$@\"; wait $!; }"
            try group.start(
                ["splits", "1"], of: 2, only: [0], extra: ["FLEXMIG_STAGE_BYTES": "4096", "FLEXMIG_TIMEOUT": "50"],
                wrappedIn: smallSharedMemory("100k", running: both))
            let before = ContinuousClock.now
            try group.finish()
            let errors = group.ranks[0].lines.filter { $0.hasPrefix("error ") }
            #expect(errors.count == 2, "\(group.ranks[0].text)")
            #expect(errors.contains { $0.hasPrefix("error out-of-shared-memory") }, "\(group.ranks[0].text)")
            #expect(!errors.contains { $0.hasPrefix("error join-timed-out") }, "\(group.ranks[0].text)")
            // Half of the time limit: far from both.
            #expect(ContinuousClock.now - before < .seconds(25))
        }

        /// Ranks that share nothing but /dev/shm: each has process number 1 in a namespace of its own, so that numbers
        /// tell nothing, and nobody can read another's memory.
        @Test(.enabled(if: canUnshareProcesses)) func ranksOfOtherProcessNamespacesMeet() throws {
            let group = RankProcesses()
            let apart = ["unshare", "--pid", "--fork", "--kill-child", "--"]
            try group.start(["large", "4194304"], of: 3, wrappedIn: apart)
            try group.finish()
            for rank in group.ranks {
                #expect(rank.end == .exited(code: 0), "\(rank.text)")
                #expect(rank.words(after: "digest") == group.ranks[0].words(after: "digest"))
            }
            #expect(group.leftovers == [])

            let killed = RankProcesses()
            try killed.start(["loop", "262144"], of: 3, wrappedIn: apart)
            try killed.read(until: { $0.text.contains("ready") })
            // The wrapper's end kills the rank inside.
            try killed.kill(1)
            try killed.finish()
            for rank in [0, 2] { #expect(killed.ranks[rank].error == "rank-died 1", "\(killed.ranks[rank].text)") }
            #expect(killed.leftovers == [])
        }

        private static let canUnshareProcesses =
            (try? ChildProcess.locate("unshare", path: Environment.value("PATH"))) != nil && currentUser() == 0

        private func smallSharedMemory(_ size: String, running command: String = "exec \"$@\"") -> [String] {
            let mounting = "mount -t tmpfs -o size=\(size) none /dev/shm && \(command)"
            return ["unshare", "--mount", "sh", "-c", mounting, "sh"]
        }
    }
}
