// One rank for the tests of several processes. The rendezvous comes from the environment, the task from the
// arguments; every line of the output is an event that a test waits for or checks.
import CollectiveTrials
import Collectives
import Platform

let output = Descriptor(owning: 1)

func say(_ line: String) throws { try output.write(Array("\(line)\n".utf8)) }

func number(_ index: Int) -> Int {
    guard CommandLine.arguments.indices.contains(index), let value = Int(CommandLine.arguments[index]) else {
        fatalError("argument \(index) is missing")
    }
    return value
}

func join() throws(CollectiveError) -> Communicator {
    var rendezvous = try Rendezvous(environment: Environment.all())
    if let bytes = Environment.value("TEST_SLOT_BYTES").flatMap({ Int($0) }) { rendezvous.slotBytes = bytes }
    return try Communicator(rendezvous)
}

/// Waits for ever in something that is not a collective.
func hang() -> Never {
    while true { pause(for: .seconds(1000)) }
}

func run(_ task: String) throws {
    let communicator = try join()
    switch task {
    case "join":  // Joins, and leaves in order.
        try say("joined \(communicator.rank)/\(communicator.size)")
    case "trials":  // SEED LENGTH: a random sequence, then the digests of all its results.
        var digest: UInt64 = 0
        for trial in Trial.sequence(of: number(3), ranks: communicator.size, seed: UInt64(number(2))) {
            digest = Trial.mixed(digest ^ (try trial.run(on: communicator)))
        }
        try say("digest \(String(digest, radix: 16))")
    case "loop":  // COUNT: all-reduces without end.
        var values = [Float](repeating: 1, count: number(2))
        try communicator.barrier()
        try say("ready")
        while true { try communicator.allReduce(&values, .mean) }
    case "stall":  // RANK: this rank never comes to the barrier that the others wait in.
        try communicator.barrier()
        try say("ready")
        if communicator.rank == number(2) { hang() }
        try communicator.barrier()
    case "leave":  // RANK: this rank closes where the others want to go on.
        try communicator.barrier()
        if communicator.rank == number(2) { break }
        try communicator.barrier()
    case "exit":  // RANK: this rank's program ends without closing.
        try communicator.barrier()
        if communicator.rank == number(2) { abruptExit() }
        try communicator.barrier()
    case "mismatch":  // RANK: this rank calls something else.
        var values = [Float](repeating: 1, count: 10)
        if communicator.rank == number(2) {
            try communicator.broadcast(&values, from: 0)
        } else {
            try communicator.allReduce(&values, .sum)
        }
    case "pair":  // Two communicators at the same time, used in turn.
        let second = try join()
        let sum = Trial(.allReduce(.sum, inPlace: true), of: .int64, count: 1000)
        for _ in 0..<20 {
            _ = try sum.run(on: communicator)
            _ = try Trial(.allGather, count: 3).run(on: second)
        }
        try say("ok")
    case "bandwidth":  // COUNT ROUNDS: Float sums in place; rank 0 says the best time.
        var values = [Float](repeating: 1, count: number(2))
        var best = Duration.seconds(1000)
        for _ in 0..<number(3) {
            try communicator.barrier()
            best = min(best, try ContinuousClock().measure { try communicator.allReduce(&values, .mean) })
        }
        if communicator.rank == 0 { try say("best \(best)") }
    default:
        fatalError("unknown task \(task)")
    }
    communicator.close()
}

do {
    try run(CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "join")
} catch let error as CollectiveError {
    try say("error \(error.code) \(error.rank.map { "\($0)" } ?? "-") \(error)")
    abruptExit(code: 3)
} catch {
    try say("wrong \(error)")
    abruptExit(code: 4)
}
