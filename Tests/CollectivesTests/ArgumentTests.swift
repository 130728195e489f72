import Collectives
import Testing

/// Calls that can't be right: they are refused before anything is sent, and the communicator is as it was.
struct ArgumentTests {
    /// A call with two elements and room for one, on rank 0 of 2, and what it says.
    private struct Wrong: Sendable {
        typealias Call =
            @Sendable (Communicator, Span<Float>, inout MutableSpan<Float>) throws(CollectiveError) -> Void
        let message: String
        let call: Call
        init(_ message: String, _ call: @escaping Call) { (self.message, self.call) = (message, call) }
    }

    private static let cases = [
        Wrong("the result has 1 elements; 2 are needed") { c, values, result throws(CollectiveError) in
            try c.allReduce(values, into: &result, .sum)
        },
        Wrong("the result has 1 elements; 2 for each of 2 ranks are 4") { c, values, result throws(CollectiveError) in
            try c.allGather(values, into: &result)
        },
        Wrong("1 elements are not a block for each of 2 ranks") { c, _, result throws(CollectiveError) in
            try c.allGather(&result)
        },
        Wrong("the input has 1 elements; 1 for each of 2 ranks are 2") { c, values, result throws(CollectiveError) in
            try c.reduceScatter(values.extracting(0..<1), into: &result, .sum)
        },
        Wrong("1 elements are not a block for each of 2 ranks") { c, _, result throws(CollectiveError) in
            try c.reduceScatter(&result, .sum)
        },
        Wrong("the result has 1 elements; 2 are needed") { c, values, result throws(CollectiveError) in
            try c.reduce(values, into: &result, .sum, to: 0)
        },
        Wrong("the result has 1 elements; 2 for each of 2 ranks are 4") { c, values, result throws(CollectiveError) in
            try c.gather(values, into: &result, to: 0)
        },
        Wrong("the input has 1 elements; 1 for each of 2 ranks are 2") { c, values, result throws(CollectiveError) in
            try c.scatter(values.extracting(0..<1), into: &result, from: 0)
        },
        Wrong("the result has 1 elements; 2 are needed") { c, values, result throws(CollectiveError) in
            try c.allToAll(values, into: &result)
        },
        Wrong("1 elements are not a block for each of 2 ranks") { c, _, result throws(CollectiveError) in
            try c.allToAll(&result)
        },
        Wrong("the root is rank -1; there are ranks 0 to 1") { c, _, result throws(CollectiveError) in
            try c.broadcast(&result, from: -1)
        },
        Wrong("the root is rank 2; there are ranks 0 to 1") { c, _, result throws(CollectiveError) in
            try c.reduce(&result, .sum, to: 2)
        },
        Wrong("the root is rank 2; there are ranks 0 to 1") { c, values, result throws(CollectiveError) in
            try c.gather(values, into: &result, to: 2)
        },
        Wrong("the root is rank 2; there are ranks 0 to 1") { c, values, result throws(CollectiveError) in
            try c.scatter(values, into: &result, from: 2)
        },
        Wrong("the root is rank 2; there are ranks 0 to 1") { c, values, _ throws(CollectiveError) in
            try c.send(values, to: 2)
        },
        Wrong("the root is rank -1; there are ranks 0 to 1") { c, _, result throws(CollectiveError) in
            try c.receive(&result, from: -1)
        },
        Wrong("the root is rank 9; there are ranks 0 to 1") { c, values, result throws(CollectiveError) in
            try c.sendReceive(values, to: 1, into: &result, from: 9)
        },
    ]

    @Test(arguments: cases.indices)
    func aWrongCallSendsNothing(index: Int) throws {
        let sums = try onThreads(ranks: 2) { communicator in
            if communicator.rank == 0 {
                let wrong = Self.cases[index]
                let values: [Float] = [1, 2]
                var room: [Float] = [7]
                let error = collectiveError {
                    var span = room.mutableSpan
                    try wrong.call(communicator, values.span, &span)
                }
                #expect(error?.code == .invalidArgument)
                #expect(error?.message == wrong.message)
                #expect(room == [7])
            }
            // The other rank has seen nothing of it.
            var values: [Float] = [1, 2]
            try communicator.allReduce(&values, .sum)
            return values
        }
        #expect(sums == [[2, 4], [2, 4]])
    }

    @Test func elementsThatAreNoNumbersAreNotReduced() throws {
        let communicator = try Communicator(environment: [:])
        var bytes: [UInt64] = [1]
        let error = collectiveError {
            try unsafe bytes.withUnsafeMutableBytes { bytes in
                try unsafe communicator.rawAllReduce(
                    UnsafeRawPointer(bytes.baseAddress), bytes.baseAddress, count: 1, .bytes(stride: 8), .sum)
            }
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "elements of 8 bytes can't be reduced")
    }

    @Test(arguments: [-1, Int.max, Int.max / 8])
    func countsThatNoMemoryHasAreRefused(count: Int) throws {
        let outcomes = try onThreads(ranks: 2) { communicator in
            collectiveError {
                try unsafe communicator.rawBroadcast(nil, count: count, .double, from: 0)
            }?.message
        }
        #expect(outcomes == [String](repeating: "a tensor can't have \(count) elements", count: 2))
    }
}
