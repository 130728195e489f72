import CollectiveTrials
import Collectives
import Platform

/// Waits for ever in something that is not a collective.
private func hang() -> Never {
    while true { pause(for: .seconds(1000)) }
}

/// Joins, does a task, and leaves in order.
func run(_ task: String) throws {
    let communicator = try Communicator()
    switch task {
    case "join":
        try say("joined \(communicator.rank)/\(communicator.size)")
    case "pair":  // Two communicators at the same time, used in turn.
        let second = try Communicator()
        let sum = Trial(.allReduce(.sum), of: .int64, count: 1000, inPlace: true)
        for _ in 0..<20 {
            _ = try sum.run(on: communicator)
            _ = try Trial(.allGather, count: 3).run(on: second)
        }
        try say("ok")
    case "trials", "large", "split", "calls", "scarce", "works": try runTrials(task, on: communicator)
    case "loop", "storm", "splits", "stall", "leave", "exit", "mismatch", "abort": try runFault(task, on: communicator)
    case "wait", "hot", "hotcall": try measure(task, on: communicator)
    default:
        fatalError("unknown task \(task)")
    }
    communicator.close()
}

/// Tasks that compare results.
private func runTrials(_ task: String, on communicator: Communicator) throws {
    let ranks = communicator.size
    switch task {
    case "trials":  // SEED LENGTH BYTES: a random sequence for a stage of so many bytes.
        try runSequence(
            Trial.sequence(of: number(3), ranks: ranks, seed: UInt64(number(2)), stageBytes: number(4)),
            on: communicator)
    case "large":  // BYTES: all calls that copy, with so many bytes a block.
        let calls: [Trial.Call] = [
            .broadcast(root: 1 % ranks), .allGather, .gather(root: 0), .scatter(root: 1 % ranks), .allToAll, .ring,
            .pairs, .allReduce(.sum),
        ]
        try runSequence(
            calls.flatMap { call in
                [Trial.Memory.own, .tensors, .spans(0b0110)].map {
                    Trial(call, of: .double, count: number(2) / 8, inPlace: $0 == .own, in: $0, seed: 7)
                }
            }, on: communicator)
    case "split":  // SEED: groups of groups.
        for seed in 0..<4 { try SplitTrial.run(on: communicator, seed: UInt64(number(2) + seed)) }
        try say("ok")
    case "calls":  // One call of each way.
        let trials: [Trial] = [
            Trial(.barrier), Trial(.allReduce(.sum), count: 3), Trial(.allReduce(.max), count: 1000),
            Trial(.allReduce(.mean), of: .double, count: 5000), Trial(.allReduce(.sum), count: 5000, in: .tensors),
            Trial(.broadcast(root: 1), of: .int8, count: 41), Trial(.pairs, of: .uint8, count: 7),
        ]
        try runSequence(trials, on: communicator)
    case "scarce":  // BYTES: a tensor for which there is no room, and one for which there is.
        let refusal = Result { () throws(CollectiveError) in
            try communicator.makeTensor(of: UInt8.self, count: 2 << 20)
        }
        if case .failure(let error) = refusal { try say("refused \(error.code) \(error)") }
        _ = try communicator.makeTensor(of: UInt8.self, count: number(2))
        try say("went on with a tensor of \(number(2))")
    case "works":  // COUNT: so many sums under way at once, one after the other.
        let tensors = try (0..<number(2)).map { try communicator.makeTensor(repeating: Float($0), count: 5000) }
        let works = try tensors.map { tensor in
            try communicator.start { communicator throws(CollectiveError) in try communicator.allReduce(tensor, .sum) }
        }
        for work in works { try work.wait() }
        let isRight = tensors.enumerated().allSatisfy { number, tensor in
            tensor.array.allSatisfy { $0 == Float(number * ranks) }
        }
        try say(isRight ? "ok" : "wrong")
    default:
        fatalError("unknown task \(task)")
    }
}

private func runSequence(_ trials: [Trial], on communicator: Communicator) throws {
    var digest: UInt64 = 0
    for trial in trials { digest = Trial.mixed(digest ^ (try trial.run(on: communicator))) }
    try say("digest \(String(digest, radix: 16))")
}

/// Tasks that don't come to their end, or only on some ranks.
private func runFault(_ task: String, on communicator: Communicator) throws {
    try communicator.barrier()
    let isVictim = !["loop", "storm", "splits"].contains(task) && communicator.rank == number(2)
    switch task {
    case "loop":  // COUNT: all-reduces without end.
        var values = [Float](repeating: 1, count: number(2))
        try say("ready")
        while true { try communicator.allReduce(&values, .mean) }
    case "storm":  // SEED: calls of all kinds without end.
        try say("ready")
        var seed = UInt64(number(2))
        while true {
            seed += 1
            for trial in Trial.sequence(of: 20, ranks: communicator.size, seed: seed, stageBytes: 4096) {
                _ = try trial.run(on: communicator)
            }
        }
    case "splits":  // SEED: groups of groups without end, with few calls between two splits.
        try say("ready")
        var seed = UInt64(number(2))
        while true {
            seed += 1
            try SplitTrial.run(on: communicator, seed: seed, calls: 1)
        }
    case "stall":  // RANK: this rank never comes to the barrier that the others wait in.
        try say("ready")
        if isVictim { hang() }
        try communicator.barrier()
    case "leave":  // RANK: this rank closes where the others want to go on.
        if !isVictim { try communicator.barrier() }
    case "exit":  // RANK: this rank's program ends without closing.
        if isVictim { abruptExit() }
        try communicator.barrier()
    case "mismatch":  // RANK: this rank calls something else.
        var values = [Float](repeating: 1, count: 10)
        if isVictim { try communicator.broadcast(&values, from: 0) } else { try communicator.allReduce(&values, .sum) }
    case "abort":  // RANK: another thread of this rank aborts, and the last rank never comes.
        try say("ready")
        if isVictim {
            let abortSwitch = communicator.abortSwitch
            try startThread { abortSwitch.abort() }
        }
        if communicator.rank == communicator.size - 1 { hang() }
        try communicator.barrier()
    default:
        fatalError("unknown task \(task)")
    }
}
