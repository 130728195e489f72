/// One thing that `flexmig doctor` has looked at.
public struct Finding: Hashable, Sendable, Encodable {
    public enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        /// As it should be.
        case ok
        /// Worth knowing, nothing to mend.
        case note
        /// May hurt; jobs run.
        case warning
        /// Jobs will not run, or not as they should.
        case problem
    }

    /// How a finding is known: the evidence ladder, and what does not touch a GPU.
    public enum Grade: String, Hashable, Sendable, Codable {
        /// Files and kernel of this machine.
        case machine = "read from this machine"
        /// Two real processes and real shared memory, no GPU.
        case processes = "real processes and memory, no GPU"
        case simulated = "simulated driver"
        /// The route's traffic by a test program that set the variables itself, as `flexmig run` does but for a few.
        case trafficWithoutMIG =
            "its traffic: real NVIDIA GPU without MIG; not yet with the launcher's own variables"
        case gpuWithoutMIG = "real NVIDIA GPU without MIG"
        case mig = "real MIG"
        /// Documented, or read in the source, by others; not run by this project.
        case documented = "documented by NVIDIA, not run by us"
    }

    /// Names the thing; the same in every run.
    public let id: String
    public let status: Status
    /// What was found, in a sentence.
    public let found: String
    /// What to do; "nothing to do" where it is as it should be.
    public let fix: String
    public let grade: Grade

    public init(_ id: String, _ status: Status, _ found: String, fix: String = "nothing to do", _ grade: Grade) {
        self.id = id
        self.status = status
        self.found = found
        self.fix = fix
        self.grade = grade
    }
}
