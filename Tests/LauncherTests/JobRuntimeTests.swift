import Launcher
import Runtimes
import Testing

/// How a job's route gets from `flexmig run` to the program.
struct JobRuntimeTests {
    private let plugin = JobRuntime(
        route: .ncclPlugin, variables: ["NCCL_NET": "FlexMIG", "NCCL_PROTO": "^LL128"], setsHostIDs: true)

    @Test func eachRankGetsItsOwnIdentity() {
        let job = plugin.environment(adding: ["A": "1"])
        #expect(
            job == [
                "A": "1", "NCCL_NET": "FlexMIG", "NCCL_PROTO": "^LL128", "FLEXMIG_ROUTE": "nccl-plugin",
                "FLEXMIG_ROUTE_VARIABLES": "NCCL_NET,NCCL_PROTO,NCCL_HOSTID",
            ])
        // exec reads what run has settled, and adds the rank's own.
        #expect(JobRuntime(environment: job) == plugin)
        let rank = JobRuntime(environment: job)?.environment(adding: job, hostID: "j-3")
        #expect(rank?["NCCL_HOSTID"] == "j-3")
        // An exec inside of a rank finds the same, and sets its own.
        #expect(rank.flatMap { JobRuntime(environment: $0) } == plugin)
    }

    /// Nothing of an outer job's route gets into another one's.
    @Test func anOlderRouteIsRemoved() {
        let outer = plugin.environment(adding: ["NCCL_DEBUG": "INFO"], hostID: "outer-0")
        let inner = JobRuntime(route: .nccl, variables: ["NCCL_NVLS_ENABLE": "0"]).environment(adding: outer)
        #expect(
            inner == [
                "NCCL_DEBUG": "INFO", "NCCL_NVLS_ENABLE": "0", "FLEXMIG_ROUTE": "nccl",
                "FLEXMIG_ROUTE_VARIABLES": "NCCL_NVLS_ENABLE",
            ])
        #expect(JobRuntime().environment(adding: outer) == ["NCCL_DEBUG": "INFO"])
    }

    @Test func nothingWasSettled() {
        #expect(JobRuntime(environment: [:]) == nil)
        #expect(JobRuntime(environment: ["FLEXMIG_ROUTE": "carrier-pigeon"]) == nil)
        #expect(JobRuntime().environment(adding: ["A": "1"]) == ["A": "1"])
    }
}
