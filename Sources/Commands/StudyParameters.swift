import ClusterSimulation
import Platform
import SimulationReport
import Traces

extension StudyOptions {
    /// Every figure that the outcome depends on, with where it comes from.
    func parameters(cluster: SimulatedCluster, paces: ModelPaces) -> [ReportContent.Parameter] {
        typealias Parameter = ReportContent.Parameter
        func flag(_ name: String, isDefault: Bool, _ source: String) -> String { isDefault ? source : name }
        var all = [
            Parameter("cluster", gpus, source: "--gpus"),
            Parameter(
                "GPUs of a node", "\(gpusPerNode)",
                source: flag("--gpus-per-node", isDefault: gpusPerNode == 8, "default: usual servers")),
        ]
        if let trace { all.append(Parameter("trace", trace, source: "--trace")) }
        if let generate {
            all.append(Parameter("generated mix", generate.rawValue, source: "--generate"))
            all.append(Parameter("jobs", "\(jobs ?? 2000)", source: flag("--jobs", isDefault: jobs == nil, "default")))
            all.append(Parameter("load", "\(load ?? 1)", source: flag("--load", isDefault: load == nil, "default")))
            all.append(
                Parameter(
                    "durations",
                    fit.map { "log-normal, fitted to \($0)" }
                        ?? "log-normal, mu \(LogNormalDurations.philly.mu), sigma \(LogNormalDurations.philly.sigma)",
                    source: flag("--fit", isDefault: fit == nil, "default: fitted to Philly 2017 (Jeon et al., ATC'19)")
                ))
        }
        if let mapping { all.append(Parameter("sizes", "\(mapping.rawValue): \(mapping.words)", source: "--mapping")) }
        all += [
            Parameter("window", window?.text ?? "all", source: flag("--window", isDefault: window == nil, "default")),
            Parameter(
                "longest duration", clamp?.description ?? "as in the trace",
                source: flag("--clamp", isDefault: clamp == nil, "default")),
            Parameter("time scale", "\(timeScale)", source: flag("--time-scale", isDefault: timeScale == 1, "default")),
            Parameter(
                "models of jobs", memory.rawValue, source: flag("--memory", isDefault: memory == .fitting, "default")),
            Parameter(
                "step times, memory, gradients", paces.table.source,
                source: flag("--speeds", isDefault: speeds == nil, "built in")),
        ]
        let measured = paces.measured.count { $0 != nil }
        all.append(
            Parameter(
                "spanning cost",
                spanning.map {
                    "measured in \($0) for \(measured) of \(paces.table.entries.count) models, else the model below"
                } ?? "the model below",
                source: flag("--spanning", isDefault: spanning == nil, "default")))
        if let spanningForAll {
            all.append(Parameter("measurement for models without one", spanningForAll, source: "--spanning-for-all"))
        }
        all += [
            Parameter(
                "exchange of gradients", algorithm.rawValue,
                source: flag("--algorithm", isDefault: algorithm == .ring, "default: what NCCL does over shared memory")
            ),
            Parameter(
                "PCIe link of a GPU, each way", "\(linkGb) GB/s",
                source: flag("--link-gb", isDefault: linkGb == 25, "default: gen4 x16 as measured on A100")),
            Parameter(
                "network of a node, each way", "\(networkGb) GB/s",
                source: flag("--network-gb", isDefault: networkGb == 25, "default: assumption, 200 Gbit/s")),
            Parameter(
                "latency of an exchange", "\(latencyUs) us",
                source: flag("--latency-us", isDefault: latencyUs == 20, "default: assumption")),
            Parameter(
                "overlap of exchange and compute", "\(overlap)",
                source: flag("--overlap", isDefault: overlap == 0, "default: none, the worst case")),
            Parameter(
                "unequal leaves", proportionalShares ? "work in proportion to SMs" : "all at the slowest one's pace",
                source: flag("--proportional-shares", isDefault: !proportionalShares, "default")),
            Parameter(
                "memory of a rank", memoryByShare ? "of its share of the batch" : "of the whole batch",
                source: flag("--memory-by-share", isDefault: !memoryByShare, "default: the worst case")),
            Parameter(
                "pace over several leaves", splitGains ? "as the step times say" : "at most that of the asked size",
                source: flag("--split-gains", isDefault: !splitGains, "default: what splitting gains needs no cutting")),
            Parameter(
                "drain", drain.description,
                source: flag("--drain", isDefault: drain.seconds == 180, "default: operators report 3 to 5 minutes")),
            Parameter(
                "re-cut of idle slices", recut.description,
                source: flag(
                    "--recut", isDefault: recut.seconds == 0.3, "default: destroy and create on A100 take 0.1 to 0.3 s")
            ),
            Parameter(
                "restart of a moved job", restart.description,
                source: flag("--restart", isDefault: restart.seconds == 30, "default: MISO's (SoCC'22)")),
            Parameter(
                "the scheduler knows durations", estimates,
                source: flag("--estimates", isDefault: estimates == "exact", "default")),
            Parameter(
                "look-ahead of backfill", "\(lookAhead)",
                source: flag("--look-ahead", isDefault: lookAhead == 1000, "default")),
            Parameter(
                "seeds", seeds == 1 ? "1" : "1 to \(seeds)", source: flag("--seeds", isDefault: seeds == 1, "default")),
        ]
        return all
    }

    /// What holds by assumption.
    func assumptions(paces: ModelPaces) -> [String] {
        var all = [
            "Durations are those at the requested size; on other instances and over leaves a job's pace is the ratio of its model's step times.",
            "Step times were measured on an A100-40GB; on other GPUs they are taken at the same share of the GPU's SMs, between measured sizes on a line of speeds.",
            "A job over k leaves keeps its global batch: each rank steps on a k-th of it. Batches that were not measured lie on a line fitted to those that were.",
            "Jobs of more than one GPU may lie on several nodes, at no cost where they get whole GPUs; all others stay on one node, in every model.",
            "The pace of a job is set when it starts, with the link traffic of its neighbours then; later neighbours slow down themselves only.",
            "Where GPUs are drained, it is for the first 32 jobs in line, and at most a tenth of the GPUs (at least one) at a time.",
            "Jobs that no model knows how to serve are refused and counted; means are over the jobs that ran, so compare models only with the refusals in sight.",
        ]
        if mapping == .wSlice {
            all.append(
                "w-slice reads whole GPUs as slices: the same jobs on a cluster whose unit is a leaf. It is a rescaling, not a measurement."
            )
        }
        if paces.measured.contains(where: { $0 != nil }) {
            all.append(
                "Measured spanning costs hold for the machine and layout that they were measured on, whatever the neighbours."
            )
        }
        if proportionalShares { all.append("With proportional shares the lower bound looks at equal leaves only.") }
        return all
    }

    /// The command as it can be typed again.
    static var command: String {
        let words = ["flexmig"] + Environment.arguments().dropFirst()
        return words.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { byte in
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+=@%".utf8.contains(byte)
                }
            return isPlain
                ? word
                : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
