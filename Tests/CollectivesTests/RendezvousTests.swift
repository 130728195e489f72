import Collectives
import Testing

struct RendezvousTests {
    private func parse(_ variables: [String: String]) throws -> Rendezvous {
        try Rendezvous(environment: variables, user: 1000)
    }

    @Test func withoutVariablesTheProcessIsAlone() throws {
        let rendezvous = try parse([:])
        #expect(rendezvous.rank == 0)
        #expect(rendezvous.worldSize == 1)
        #expect(rendezvous.timeout == .seconds(300))
    }

    @Test func readsTheLaunchersVariables() throws {
        let rendezvous = try parse([
            "RANK": "3", "WORLD_SIZE": "7", "FLEXMIG_RENDEZVOUS": "flexmig-17-5d0c", "FLEXMIG_TIMEOUT": "2.5",
            "FLEXMIG_JOB_ID": "17", "MASTER_PORT": "29500",
        ])
        let expected = Rendezvous(prefix: "flexmig-17-5d0c", rank: 3, worldSize: 7, timeout: .milliseconds(2500))
        #expect(rendezvous == expected)
    }

    @Test(arguments: [
        ("job", ["FLEXMIG_JOB_ID": "17"], "flexmig-1000-job-17"),
        ("job before port", ["FLEXMIG_JOB_ID": "a/b c", "MASTER_PORT": "29500"], "flexmig-1000-job-a_b_c"),
        ("torchrun", ["MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"], "flexmig-1000-10.0.0.1-29500"),
        ("port alone", ["MASTER_PORT": "29500"], "flexmig-1000-localhost-29500"),
        ("empty is unset", ["FLEXMIG_RENDEZVOUS": "", "MASTER_PORT": "29500"], "flexmig-1000-localhost-29500"),
    ])
    func derivesAPrefix(_ word: String, variables: [String: String], prefix: String) throws {
        let world = ["RANK": "0", "WORLD_SIZE": "2"]
        #expect(try parse(variables.merging(world) { $1 }).prefix == prefix)
    }

    @Test func keepsDerivedPrefixesShort() throws {
        let long = String(repeating: "x", count: 500) + "end"
        let prefix = try parse(["FLEXMIG_JOB_ID": long]).prefix
        #expect(prefix.count == 200)
        #expect(prefix.hasSuffix("end"))
    }

    @Test func readsWhatChangesTheEngine() throws {
        let usual = try parse([:])
        #expect(usual.deathTimeout == .seconds(1))
        #expect(usual.log == CollectiveLog())
        #expect(usual.stageBytes == nil)
        let other = try parse([
            "FLEXMIG_DEATH_TIMEOUT": "0.05", "FLEXMIG_STAGE_BYTES": "5000", "FLEXMIG_DEBUG": "info",
        ])
        #expect(other.deathTimeout == .milliseconds(50))
        #expect(other.log == CollectiveLog(.info))
        // Whole groups of lines.
        #expect(other.stageBytes == 5120)
    }

    @Test(arguments: [
        ("off", CollectiveLog()), ("OFF", CollectiveLog()), ("info", CollectiveLog(.info)),
        ("INFO", CollectiveLog(.info)), ("trace", CollectiveLog(.trace)), ("TRACE", CollectiveLog(.trace)),
    ])
    func readsTheLevelOfTheLog(text: String, log: CollectiveLog) throws {
        #expect(try parse(["FLEXMIG_DEBUG": text]).log == log)
    }

    private static let integer = "allowed is an integer from"

    @Test(arguments: [
        (["RANK": "0"], "WORLD_SIZE is not set, but RANK is; set both or neither"),
        (["WORLD_SIZE": "2"], "RANK is not set, but WORLD_SIZE is; set both or neither"),
        (["RANK": "x", "WORLD_SIZE": "2"], "RANK is \"x\"; \(integer) 0 to 1 (WORLD_SIZE is 2)"),
        (["RANK": "2", "WORLD_SIZE": "2"], "RANK is \"2\"; \(integer) 0 to 1 (WORLD_SIZE is 2)"),
        (["RANK": "-1", "WORLD_SIZE": "2"], "RANK is \"-1\"; \(integer) 0 to 1 (WORLD_SIZE is 2)"),
        (["RANK": "0", "WORLD_SIZE": "0"], "WORLD_SIZE is \"0\"; \(integer) 1 to 1024"),
        (["RANK": "0", "WORLD_SIZE": "1025"], "WORLD_SIZE is \"1025\"; \(integer) 1 to 1024"),
        (["FLEXMIG_TIMEOUT": "0"], "FLEXMIG_TIMEOUT is \"0\"; allowed are 0.1 to 86400 seconds"),
        (["FLEXMIG_TIMEOUT": "nan"], "FLEXMIG_TIMEOUT is \"nan\"; allowed are 0.1 to 86400 seconds"),
        (["FLEXMIG_TIMEOUT": "5m"], "FLEXMIG_TIMEOUT is \"5m\"; allowed are 0.1 to 86400 seconds"),
        (["FLEXMIG_DEATH_TIMEOUT": "0.01"], "FLEXMIG_DEATH_TIMEOUT is \"0.01\"; allowed are 0.05 to 3600 seconds"),
        (["FLEXMIG_DEATH_TIMEOUT": "inf"], "FLEXMIG_DEATH_TIMEOUT is \"inf\"; allowed are 0.05 to 3600 seconds"),
        (["FLEXMIG_STAGE_BYTES": "4095"], "FLEXMIG_STAGE_BYTES is \"4095\"; \(integer) 4096 to 268435456"),
        (["FLEXMIG_STAGE_BYTES": "1M"], "FLEXMIG_STAGE_BYTES is \"1M\"; \(integer) 4096 to 268435456"),
        (["FLEXMIG_DEBUG": "verbose"], "FLEXMIG_DEBUG is \"verbose\"; allowed are off, info and trace"),
        (["MASTER_PORT": "0"], "MASTER_PORT is \"0\"; \(integer) 1 to 65535"),
    ])
    func namesTheBadVariable(variables: [String: String], message: String) {
        #expect {
            try parse(variables)
        } throws: { error in
            let error = error as? CollectiveError
            return error?.code == .invalidEnvironment && error?.message == message
        }
    }

    @Test(arguments: ["a/b", ".hidden", "with space", "ä", String(repeating: "x", count: 201)])
    func refusesAPrefixThatIsNoName(prefix: String) {
        #expect {
            try parse(["RANK": "0", "WORLD_SIZE": "2", "FLEXMIG_RENDEZVOUS": prefix])
        } throws: { error in
            let error = error as? CollectiveError
            return error?.code == .invalidEnvironment
                && error?.message.hasPrefix("FLEXMIG_RENDEZVOUS is \"\(prefix)\"; allowed are 1 to 200") == true
        }
    }

    @Test func saysWhereToMeetIsMissing() {
        #expect {
            try parse(["RANK": "0", "WORLD_SIZE": "2"])
        } throws: { error in
            (error as? CollectiveError)?.message.hasPrefix("FLEXMIG_RENDEZVOUS is not set") == true
        }
    }
}
