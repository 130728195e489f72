import Platform
import Spanning

/// A `flexmig run` that is watched while it runs.
struct JobRun {
    /// Why it gave nothing.
    enum Failure: Error {
        case interrupted(Signal)
        case failed(exitCode: Int, lastLines: [String])
        case marker(StepMarker.Problem)
        case system(SystemError)
    }

    let program: String
    let arguments: [String]
    let environment: [String: String]
    let leaves: Int

    /// Runs it to its end; a signal of the user's is passed on, and the job's end waited for.
    ///
    /// - Parameter seen: called with the number of markers so far.
    func run(_ signals: borrowing SignalQueue, seen: (Int) -> Void) throws(Failure) -> RunSamples {
        let result: Result<RunSamples, Failure>
        do throws(SystemError) {
            result = try watch(signals, seen: seen)
        } catch {
            throw .system(error)
        }
        return try result.get()
    }

    private func watch(
        _ signals: borrowing SignalQueue, seen: (Int) -> Void
    ) throws(SystemError) -> Result<RunSamples, Failure> {
        let pipe = try Pipe()
        let process = try start(pipe.writeEnd)
        let output = pipe.readEnd
        var reader = OutputReader(leaves: leaves)
        var interruption: Signal?
        var isOpen = true
        while isOpen {
            let ready = try poll([(output.number, .readable), (signals.number, .readable)], timeout: nil)
            for signal in try signals.drain() {
                interruption = interruption ?? signal
                try? process.send(signal)
            }
            guard !ready[0].isEmpty else { continue }
            guard let bytes = try output.read(upTo: 65536) else {
                isOpen = false
                continue
            }
            reader.add(bytes)
            seen(reader.samples.markers.values.map(\.count).max() ?? 0)
        }
        let end = try waitForEnd(of: process)
        if let interruption { return .failure(.interrupted(interruption)) }
        if end != .exited(code: 0) {
            return .failure(.failed(exitCode: end.exitCode, lastLines: reader.lastLines))
        }
        if let problem = reader.problem { return .failure(.marker(problem)) }
        return .success(reader.samples)
    }

    /// Its output goes to the pipe, whose end is closed here.
    private func start(_ output: consuming Descriptor) throws(SystemError) -> ProcessID {
        var child = ChildProcess(executable: program, arguments: ["flexmig"] + arguments, environment: environment)
        let null = try Descriptor.open("/dev/null", .readOnly)
        child.descriptors = [(null.number, 0), (output.number, 1), (output.number, 2)]
        // A signal from the terminal comes to it once, through us.
        child.group = .own
        return try child.spawn()
    }
}
