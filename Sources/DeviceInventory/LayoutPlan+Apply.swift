import MIGModel
import Platform

/// A plan that stopped half-way: what was done stands, and the next attempt goes on from there.
public struct LayoutInterrupted: Error, Sendable, CustomStringConvertible {
    public let gpu: Int
    /// Done on this GPU before, in plain words.
    public let done: [String]
    public let failed: String
    /// Not begun on this GPU.
    public let remaining: [String]
    /// Done on GPUs before it, and not begun on GPUs behind it; each with its GPU.
    public private(set) var elsewhere: (done: [String], remaining: [String]) = ([], [])
    public let cause: DeviceError

    package init(gpu: Int, done: [String], failed: String, remaining: [String] = [], cause: DeviceError) {
        self.gpu = gpu
        self.done = done
        self.failed = failed
        self.remaining = remaining
        self.cause = cause
    }

    func within(doneBefore done: [String], after remaining: [String]) -> LayoutInterrupted {
        var copy = self
        copy.elsewhere = (done, remaining)
        return copy
    }

    /// All steps that were done, each with its GPU.
    public var allDone: [String] { elsewhere.done + done.map { "GPU \(gpu): \($0)" } }
    /// All steps that were not done, the failed one first, each with its GPU.
    public var allRemaining: [String] { ([failed] + remaining).map { "GPU \(gpu): \($0)" } + elsewhere.remaining }

    public var description: String {
        let before = done.isEmpty ? "nothing was changed on it" : "done before: \(done.joined(separator: ", "))"
        let after = remaining.isEmpty ? "" : "\nnot done: \(remaining.joined(separator: ", "))"
        let others = elsewhere.remaining.isEmpty ? "" : "\nnot done: \(elsewhere.remaining.joined(separator: ", "))"
        return """
            GPU \(gpu): could not \(failed): \(cause.description)
            \(before)\(after)\(others)
            The same command again goes on from here.
            """
    }
}

extension LayoutPlan {
    /// The steps in plain words, each with the GPU.
    var words: [String] { steps.map { "GPU \(gpu.index): \($0.description(on: gpu.geometry))" } }

    /// Does the steps in order.
    ///
    /// Right before an instance is destroyed its leaves are looked at again. An instance that shows a process, or that
    /// the driver still shows as in use, is tried again for a moment: freed instances may stay so for some tenths of a
    /// second. Whoever calls holds the leases of the leaves that go.
    /// - Parameter patience: how long a step that finds an instance in use is tried again.
    /// - Parameter shouldStop: asked before every step; true stops there.
    /// - Parameter progress: called after every step with its words.
    public func apply(
        with backend: some DeviceBackend, patience: Duration = .seconds(2), shouldStop: () -> Bool = { false },
        progress: (String) -> Void = { _ in }
    ) throws(LayoutInterrupted) {
        var done: [String] = []
        for (position, step) in steps.enumerated() {
            let words = step.description(on: gpu.geometry)
            do throws(DeviceError) {
                if shouldStop() { throw DeviceError(kind: .interrupted, message: "it was interrupted") }
                try retryingWhileInUse(patience) { () throws(DeviceError) in
                    switch step {
                    case .destroy(let instance):
                        try requireEmpty(instance, backend)
                        try backend.destroy(instance, on: gpu)
                    case .create(let spec): _ = try backend.create(spec, on: gpu)
                    case .complete(let instance): _ = try backend.complete(instance, on: gpu)
                    }
                }
            } catch {
                throw LayoutInterrupted(
                    gpu: gpu.index, done: done, failed: words,
                    remaining: steps[(position + 1)...].map { $0.description(on: gpu.geometry) },
                    cause: puttingBack(step, after: error, backend))
            }
            done.append(words)
            progress(words)
        }
    }

    /// Makes again what a destruction took before the driver refused, and says so.
    private func puttingBack(
        _ step: LayoutStep, after error: DeviceError, _ backend: some DeviceBackend
    ) -> DeviceError {
        guard case .destroy(let instance) = step, instance.devices.count > 1 else { return error }
        let words: String
        do throws(DeviceError) {
            let count = try backend.putBack(instance, on: gpu)
            if count == 0 { return error }
            words =
                "\(count) idle compute instance\(count == 1 ? "" : "s") beside it had gone first and "
                + (count == 1 ? "was made again" : "were made again")
        } catch let failure {
            words = "compute instances beside it had gone first and could not be made again: \(failure.message)"
        }
        return DeviceError(kind: error.kind, message: "\(error.message); \(words)", advice: error.advice)
    }

    private func requireEmpty(_ instance: GPUInstance, _ backend: some DeviceBackend) throws(DeviceError) {
        for device in instance.devices {
            guard let process = try backend.processesIfThere(on: device.uuid).first else { continue }
            throw DeviceError(kind: .inUse, message: "process \(process) runs on leaf \(device.uuid) now")
        }
    }
}

/// Repeats a call that fails with "in use", until it works or the time is up.
private func retryingWhileInUse(
    _ patience: Duration, _ body: () throws(DeviceError) -> Void
) throws(DeviceError) {
    let deadline = ContinuousClock.now + patience
    while true {
        do throws(DeviceError) {
            return try body()
        } catch {
            if error.kind != .inUse || ContinuousClock.now >= deadline { throw error }
            pause(for: .milliseconds(50))
        }
    }
}
