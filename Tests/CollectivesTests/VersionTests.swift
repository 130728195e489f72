import Collectives
import Platform
import Testing

extension ProcessTests {
    /// Ranks of another build, whose segments have another layout.
    ///
    /// The test changes the version in the header of a real segment: the ranks that come from then on find one that is
    /// not theirs, as if rank 0 were of another build.
    @Suite(.serialized) struct Versions {
        /// Writes another version into the group's segment, and returns the one that stood there.
        private func makeForeign(_ group: RankProcesses) throws -> UInt64 {
            let memory = try SharedMemory(opening: SharedMemoryName("\(group.prefix)-0"))
            // Rank 0 takes its lock, then writes the header, then the magic.
            while unsafe memory.bytes.load(as: UInt64.self) == 0 { yieldProcessor() }
            let own = unsafe memory.bytes.load(fromByteOffset: 8, as: UInt64.self)
            unsafe memory.bytes.storeBytes(of: 99, toByteOffset: 8, as: UInt64.self)
            return own
        }

        private func waitForError(of index: Int, in group: RankProcesses) throws {
            try group.read(until: { $0.process != group.ranks[index].process || $0.error != nil })
        }

        @Test func aRankOfAnotherVersionIsNamedByAllRanks() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 4, only: [0, 1, 3])
            try group.waitUntilAttached(3)
            let own = try makeForeign(group)
            try group.start(["join"], of: 4, only: [2])
            try group.finish()
            let reason = "the layout version of \(group.prefix)-0 is 99 as rank 0 made it, but rank 2 has \(own)"
            #expect(group.ranks[3].error == "incompatible 0", "\(group.ranks[3].text)")
            #expect(group.ranks[3].text.contains(reason), "\(group.ranks[3].text)")
            for rank in group.ranks[..<3] {
                #expect(rank.error == "incompatible 2", "\(rank.text)")
                let difference = "its layout version is \(own), and 99 that of rank 0"
                #expect(rank.text.contains("rank 2 can't join \(group.prefix)-0: \(difference)"), "\(rank.text)")
            }
            #expect(group.leftovers == [])
        }

        @Test func aRank0OfAnotherVersionIsNamedByAllOthersAndTold() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0])
            try group.waitUntilAttached(1)
            let own = try makeForeign(group)
            try group.start(["join"], of: 3, only: [1, 2])
            try group.finish()
            for rank in [1, 2] { #expect(group.ranks[rank].error == "incompatible 0", "\(group.ranks[rank].text)") }
            #expect(["incompatible 1", "incompatible 2"].contains(group.ranks[0].error), "\(group.ranks[0].text)")
            let reason =
                "its layout version is \(own), and 99 that of rank 0; all ranks need the same version of Flex-MIG"
            #expect(group.ranks[0].text.contains(reason), "\(group.ranks[0].text)")
            #expect(group.leftovers == [])
        }

        @Test func anotherNumberOfRanksIsToldToAll() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0])
            try group.start(["join"], of: 2, only: [1])
            try waitForError(of: 1, in: group)
            try group.start(["join"], of: 3, only: [2])
            try group.finish()
            #expect(group.ranks[1].error == "incompatible 0", "\(group.ranks[1].text)")
            for rank in [0, 2] {
                #expect(group.ranks[rank].error == "incompatible 1", "\(group.ranks[rank].text)")
                let reason = "rank 1 can't join \(group.prefix)-0: its number of ranks is 2, and 3 that of rank 0"
                #expect(group.ranks[rank].text.contains(reason), "\(group.ranks[rank].text)")
            }
            #expect(group.leftovers == [])
        }

        /// One that comes never: the others' error is that of the rank that could not join, when the time is up.
        @Test func rank0KeepsTheSegmentUntilTheTimeIsUp() throws {
            let group = RankProcesses()
            try group.start(["join"], of: 3, only: [0], extra: ["FLEXMIG_TIMEOUT": "1"])
            try group.waitUntilAttached(1)
            _ = try makeForeign(group)
            try group.start(["join"], of: 3, only: [1])
            try group.finish()
            #expect(group.ranks.map(\.error) == ["incompatible 1", "incompatible 0"])
            #expect(group.leftovers == [])
        }
    }
}
