import DeviceInventory
import Launcher
import MIGModel
import Runtimes

/// What `flexmig run --report` writes of a job that is over.
struct JobReport: Encodable {
    var format = "flexmig-job"
    var version = 1
    var flexmig = flexmigVersion
    var job: String
    var command: [String]
    /// In rank order.
    var leaves: [Leaf]
    /// The route that was prepared for the program's NCCL; whether the program took it is not known. nil for a single
    /// rank, and where the program is not seen to load NCCL and no route was asked for.
    var route: String?
    var exitCode: Int
    /// From the moment all leaves were leased until no process of the job was left.
    var seconds: Double
    /// How far claims about this run reach.
    var evidence: String

    init(
        _ request: JobRequest, _ decision: RuntimeDecision, driver: DriverIdentity, exitCode: Int,
        took duration: Duration
    ) {
        job = request.job.rawValue
        command = request.command
        leaves = request.leaves
        route = decision.isWorthSaying ? decision.route?.rawValue : nil
        self.exitCode = exitCode
        seconds = duration / .seconds(1)
        evidence = driver.grade
    }
}
