import Testing

import Traces

struct TraceReaderTests {
    private func read(_ text: String, format: TraceFormat? = nil, isStrict: Bool = false) throws -> Trace {
        try TraceReader(format: format, isStrict: isStrict).read(byteSource(Array(text.utf8), pieces: 7))
    }

    @Test func normalised() throws {
        let trace = try read(
            """
            job_id,submit_s,gpus,gpu_milli,duration_s,tenant,model,memory_mib
            a,0,1,0,10.5,x,gnn_train64,
            b,1.25,0,460,20,y,,4000\r
            "c,1",2,4,0,30,x,gnn_train64,5

            """)
        #expect(trace.format == .normalised)
        #expect(trace.jobs.map { trace.id(of: $0) } == ["a", "b", "c,1"])
        #expect(trace.jobs.map(\.gpus) == [1, 0, 4])
        #expect(trace.jobs.map(\.milli) == [0, 460, 0])
        #expect(trace.jobs.map(\.duration) == [10.5, 20, 30])
        #expect(trace.jobs.map { trace.tenants[Int($0.tenant)] } == ["x", "y", "x"])
        #expect(trace.jobs.map(\.model) == [0, -1, 0])
        #expect(trace.jobs.map(\.memoryMiB) == [-1, 4000, 5])
        #expect(trace.counts.refused == 0)
    }

    /// Dates, and columns in another order.
    @Test func philly() throws {
        let trace = try read(
            """
            cluster,num_gpus,duration,timestamp,gpu_time
            vc1,8,100,2017-10-03 05:35:58,800
            vc2,1,50,2017-10-03 05:35:00,50
            vc2,1,50,2417-10-03 05:35:00,50
            vc2,1,50,1969-10-03 05:35:00,50
            vc2,1,50,2017-13-03 05:35:00,50
            """)
        #expect([RowIssue.tooLarge, .negative, .notADate].map { trace.counts.tallies[$0]?.firstLine } == [4, 5, 6])
        #expect(trace.format == .philly)
        #expect(trace.jobs.map(\.submit) == [0, 58])
        #expect(trace.jobs.map(\.gpus) == [1, 8])
        #expect(trace.origin == 1_507_008_900)
        #expect(trace.counts.tallies[.outOfOrder]?.rows == 1)
    }

    @Test func openb() throws {
        let trace = try read(
            """
            name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
            p0,12000,16384,1,1000,,LS,Running,0,12537496,10
            p1,6000,12288,1,460,,BE,Failed,5,25,6
            p2,6000,12288,0,0,,BE,Failed,5,25,6
            p3,6000,12288,1,460,,BE,Pending,5,25,
            p4,6000,12288,8,1000,,BE,Succeeded,5,25,6
            p5,6000,12288,2,500,,BE,Succeeded,5,25,6
            p6,6000,12288,1,500,,BE,Succeeded,5,5,6
            """)
        #expect(trace.format == .openb)
        #expect(trace.jobs.map(\.gpus) == [1, 0, 8])
        #expect(trace.jobs.map(\.milli) == [0, 460, 0])
        #expect(trace.jobs.map(\.duration) == [12_537_486, 19, 19])
        #expect(trace.counts.tallies[.stillRunning]?.rows == 1)
        for issue in [RowIssue.noGPU, .neverStarted, .severalFractions, .endsBeforeStart] {
            #expect(trace.counts.tallies[issue]?.rows == 1)
        }
        #expect(trace.counts.tallies[.neverStarted]?.firstLine == 5)
    }

    @Test func helios() throws {
        let trace = try read(
            """
            job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue
            1,u0,vcA,4,16,1,COMPLETED,2020-04-01 00:07:06,2020-04-01 00:07:07,2020-04-01 00:08:07,60,1
            2,u1,vcB,0,16,1,COMPLETED,2020-04-01 00:07:08,2020-04-01 00:07:09,2020-04-01 00:08:09,60,1
            3,u1,vcB,1,16,1,CANCELLED,2020-04-01 00:07:08,None,2020-04-01 00:08:09,0,61
            """)
        #expect(trace.format == .helios)
        #expect(trace.jobs.map(\.gpus) == [4])
        #expect(trace.tenants[Int(trace.jobs[0].tenant)] == "vcA")
        #expect(trace.counts.tallies[.noGPU]?.rows == 1)
        #expect(trace.counts.tallies[.neverStarted]?.firstColumn == "start_time")
    }

    /// A row that can't be used, beside one that can.
    struct BadRow: Sendable, CustomTestStringConvertible {
        let word: String
        let row: String
        let issue: RowIssue
        let column: String?
        var testDescription: String { word }
    }

    private static let rows = [
        BadRow(word: "too few fields", row: "b,1,1", issue: .wrongFieldCount, column: nil),
        BadRow(word: "too many fields", row: "b,1,1,0,5,t,9", issue: .wrongFieldCount, column: nil),
        BadRow(word: "empty duration", row: "b,1,1,0,,t", issue: .emptyField, column: "duration_s"),
        BadRow(word: "words", row: "b,1,one,0,5,t", issue: .notANumber, column: "gpus"),
        BadRow(word: "hexadecimal", row: "b,0x10,1,0,5,t", issue: .notANumber, column: "submit_s"),
        BadRow(word: "half a GPU", row: "b,1,0.5,0,5,t", issue: .notANumber, column: "gpus"),
        BadRow(word: "NaN", row: "b,NaN,1,0,5,t", issue: .notFinite, column: "submit_s"),
        BadRow(word: "infinite", row: "b,1,1,0,inf,t", issue: .notFinite, column: "duration_s"),
        BadRow(word: "beyond doubles", row: "b,1,1,0,1e999,t", issue: .notFinite, column: "duration_s"),
        BadRow(word: "negative time", row: "b,-1,1,0,5,t", issue: .negative, column: "submit_s"),
        BadRow(word: "negative GPUs", row: "b,1,-1,0,5,t", issue: .negative, column: "gpus"),
        BadRow(word: "a thousand years", row: "b,1,1,0,31557600000,t", issue: .tooLarge, column: "duration_s"),
        BadRow(word: "all GPUs of the world", row: "b,1,99999999,0,5,t", issue: .tooLarge, column: "gpus"),
        BadRow(word: "no GPU", row: "b,1,0,0,5,t", issue: .noGPU, column: "gpus"),
        BadRow(word: "odd fraction", row: "b,1,0,1500,5,t", issue: .severalFractions, column: "gpu_milli"),
        BadRow(word: "no time", row: "b,1,1,0,0,t", issue: .noDuration, column: "duration_s"),
        BadRow(word: "id again", row: "a,1,1,0,5,t", issue: .duplicateID, column: "job_id"),
        BadRow(word: "open quote", row: "\"b,1,1,0,5,t", issue: .unclosedQuote, column: nil),
        BadRow(word: "binary", row: "\u{0},\u{1},\u{2},\u{3},\u{4},\u{5}", issue: .notANumber, column: "submit_s"),
    ]

    @Test(arguments: rows) func badRowsAreCounted(bad: BadRow) throws {
        let text = "job_id,submit_s,gpus,gpu_milli,duration_s,tenant\na,0,1,0,10,t\n\(bad.row)\nz,9,1,0,10,t\n"
        let trace = try read(text)
        #expect(trace.jobs.count == 2)
        #expect(trace.counts.rows == 3)
        #expect(trace.counts.refused == 1)
        let tally = try #require(trace.counts.tallies[bad.issue])
        #expect(tally.rows == 1)
        #expect(tally.firstLine == 3)
        #expect(tally.firstColumn == bad.column)
        let problem = try #require(throws: TraceProblem.self) { try read(text, isStrict: true) }
        #expect(problem.line == 3)
        #expect(problem.column == bad.column)
    }

    @Test func strictReadingTakesNoRowOutOfOrder() throws {
        let text = "job_id,submit_s,gpus,duration_s\na,5,1,1\nb,7,1,1\nc,6,1,1\nd,7,1,1\n"
        let problem = try #require(throws: TraceProblem.self) { try read(text, isStrict: true) }
        #expect(problem.line == 4)
        #expect(problem.column == "submit_s")
        #expect(problem.description.contains("Sort the rows"))
        let trace = try read(text)
        #expect(trace.jobs.map(\.submit) == [5, 6, 7, 7])
        #expect(trace.counts.tallies[.outOfOrder]?.firstLine == 4)
        #expect(trace.counts.refused == 0)
    }

    /// A file that is no trace: the words that the message must have.
    static let files: [(word: String, text: String, has: [String])] = [
        ("empty", "", ["empty"]),
        ("blank lines", "\n\n\n", ["empty"]),
        ("header alone", "job_id,submit_s,gpus,duration_s\n", ["no jobs"]),
        ("other table", "a,b,c\n1,2,3\n", ["line 1", "a,b,c", "normalised"]),
        ("column missing", "job_id,submit_s,duration_s\n1,2,3\n", ["lacks gpus"]),
        ("column twice", "job_id,submit_s,gpus,gpus,duration_s\n", ["line 1", "column gpus", "twice"]),
        ("binary", "\u{7F}ELF\u{1}\u{2}\u{0}\u{0}\n", ["no text"]),
        ("nothing of use", "job_id,submit_s,gpus,duration_s\na,0,x,1\nb,0,x,1\n", ["no row of 2", "line 2", "gpus"]),
    ]

    @Test(arguments: files) func filesThatAreNoTraces(word: String, text: String, has: [String]) throws {
        let problem = try #require(throws: TraceProblem.self) { try read(text) }
        for part in has { #expect(problem.description.contains(part), "\(problem)") }
        #expect(problem.remedy.last == ".")
    }

    @Test func formatThatIsNotThere() throws {
        let problem = try #require(throws: TraceProblem.self) {
            try read("timestamp,duration,num_gpus\n1,2,3\n", format: .helios)
        }
        #expect(problem.description.contains("job_id"))
    }

    @Test func endlessLineTakesNoMemory() throws {
        var given = 0
        let source: ByteSource = {
            given += 1 << 16
            return [UInt8](repeating: 57, count: 1 << 16)
        }
        let problem = #expect(throws: TraceProblem.self) { try TraceReader().read(source) }
        #expect(problem?.line == 1)
        #expect(given < 1 << 20)
    }

    @Test func equalArrivalsKeepTheirOrder() throws {
        var text = "job_id,submit_s,gpus,duration_s\n"
        for number in 0..<500 { text += "j\(number),\(number % 3 == 0 ? 5 : 2),1,1\n" }
        let trace = try read(text)
        #expect(zip(trace.jobs, trace.jobs.dropFirst()).allSatisfy { ($0.submit, $0.row) < ($1.submit, $1.row) })
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let first = try read(
            "job_id,submit_s,gpus,gpu_milli,duration_s,tenant,model,memory_mib\n"
                + "\"a\"\"b\",0.1,0,333,1e-3,\"x,y\",m,77\nb,123456789.125,3,0,0.30000000000000004,,,\n")
        var bytes: [UInt8] = []
        try first.writeNormalised { bytes += $0 }
        let second = try TraceReader().read(byteSource(bytes))
        #expect(second.jobs == first.jobs)
        #expect(second.ids == first.ids)
        #expect(second.tenants == first.tenants)
        #expect(second.models == first.models)
    }

    @Test func numbersAreExact() throws {
        var random = SeededRandom(seed: 5)
        let values = (0..<20_000).map { _ in
            Double(random.next() >> 20) / [1e5, 1e6, 1e9, 1e12, 1e14, 1e16][random.below(6)]
        }
        let text = values.filter { $0 > 0 }.enumerated().map { "\($0.offset),0,1,\($0.element)\n" }.joined()
        let trace = try read("job_id,submit_s,gpus,duration_s\n" + text)
        #expect(trace.jobs.map(\.duration) == values.filter { $0 > 0 })
    }
}
