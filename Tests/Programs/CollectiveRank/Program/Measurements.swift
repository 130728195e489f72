import Collectives
import HotPath
import Platform

/// Tasks that count what calls cost.
func measure(_ task: String, on communicator: Communicator) throws {
    switch task {
    case "wait":  // RANK MILLISECONDS: this rank comes so late; the others say what the waiting has cost.
        try communicator.barrier()
        if communicator.rank == number(2) { pause(for: .milliseconds(number(3))) }
        let before = hotpath_processor_microseconds()
        let time = try ContinuousClock().measure { try communicator.barrier() }
        let cost = hotpath_processor_microseconds() - before
        try say("waited \(time / .milliseconds(1)) cost \(cost)")
    case "hot":  // COUNT ROUNDS own|tensor|control: so many sums of so many floats; or what is certain to be counted.
        switch word(4) {
        case "control":
            let values = [Float](repeating: 1, count: number(2))
            try count(communicator) { () throws(CollectiveError) in
                if try communicator.allGather(values).count == Int(ProcessID.current.rawValue) { abruptExit(code: 1) }
            }
        case "own":
            var values = [Float](repeating: 1, count: number(2))
            try count(communicator) { () throws(CollectiveError) in try communicator.allReduce(&values, .mean) }
        default:
            let tensor = try communicator.makeTensor(repeating: Float(1), count: number(2))
            try count(communicator) { () throws(CollectiveError) in try communicator.allReduce(tensor, .mean) }
        }
    case "hotcall":  // COUNT ROUNDS CALL: the same for another call, with so many floats a block.
        try countCall(word(4), of: number(2), on: communicator)
    default:
        fatalError("unknown task \(task)")
    }
}

/// Counts what a call over spans costs; all memory is there before.
private func countCall(_ name: String, of block: Int, on communicator: Communicator) throws -> Never {
    let (rank, size) = (communicator.rank, communicator.size)
    let next = (rank + 1) % size
    var values = [Float](repeating: 1, count: block)
    var all = [Float](repeating: 1, count: block * size)
    switch name {
    case "barrier": try count(communicator) { () throws(CollectiveError) in try communicator.barrier() }
    case "broadcast":
        try count(communicator) { () throws(CollectiveError) in try communicator.broadcast(&values, from: 0) }
    case "all-gather":
        try count(communicator) { () throws(CollectiveError) in
            var span = all.mutableSpan
            try communicator.allGather(values.span, into: &span)
        }
    case "reduce-scatter":
        try count(communicator) { () throws(CollectiveError) in
            var span = values.mutableSpan
            try communicator.reduceScatter(all.span, into: &span, .max)
        }
    case "reduce":
        try count(communicator) { () throws(CollectiveError) in try communicator.reduce(&values, .max, to: 0) }
    case "gather":
        try count(communicator) { () throws(CollectiveError) in
            var span = all.mutableSpan
            try communicator.gather(values.span, into: &span, to: 0)
        }
    case "scatter":
        try count(communicator) { () throws(CollectiveError) in
            var span = values.mutableSpan
            try communicator.scatter(all.span, into: &span, from: 0)
        }
    case "all-to-all":
        try count(communicator) { () throws(CollectiveError) in
            var span = all.mutableSpan
            try communicator.allToAll(&span)
        }
    case "send-receive":
        let sent = values
        try count(communicator) { () throws(CollectiveError) in
            var span = values.mutableSpan
            try communicator.sendReceive(sent.span, to: next, into: &span, from: next)
        }
    case "messages":
        try count(communicator) { () throws(CollectiveError) in
            if rank == 0 { try communicator.send(values, to: 1) }
            if rank <= 1 { try communicator.receive(&values, from: 1 - rank) }
            if rank == 1 { try communicator.send(values, to: 0) }
        }
    default:
        fatalError("unknown call \(name)")
    }
}

/// Says what `ROUNDS` calls allocate, and which system calls they make but for those of waiting; then the process
/// ends, since it can do nothing else any more.
private func count(_ communicator: Communicator, _ call: () throws(CollectiveError) -> Void) throws -> Never {
    let rounds = number(3)
    for _ in 0..<200 { try call() }
    let refusal = hotpath_forbid_system_calls()
    let before = hotpath_allocations()
    for _ in 0..<rounds { try call() }
    let (after, calls) = (hotpath_allocations(), hotpath_forbidden_calls())
    // Nobody may go before all are done: the others would count what they do about it.
    try communicator.barrier()
    try say("allocations \(before < 0 ? -1 : after - before)")
    try say("calls \(calls) last \(hotpath_last_forbidden_call()) filter \(refusal)")
    abruptExit()
}
