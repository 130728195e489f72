import MIGModel
import Platform

/// A plan that stopped half-way: what was done stands, and the next attempt goes on from there.
public struct LayoutInterrupted: Error, Sendable, CustomStringConvertible {
    public let gpu: Int
    /// In plain words.
    public let done: [String]
    public let failed: String
    public let cause: DeviceError

    package init(gpu: Int, done: [String], failed: String, cause: DeviceError) {
        self.gpu = gpu
        self.done = done
        self.failed = failed
        self.cause = cause
    }

    public var description: String {
        let before = done.isEmpty ? "nothing was changed on it" : "done before: \(done.joined(separator: ", "))"
        return """
            GPU \(gpu): could not \(failed): \(cause.description)
            \(before). The same command again goes on from here.
            """
    }
}

extension LayoutPlan {
    /// Does the steps in order.
    ///
    /// An instance that the driver still shows as in use is tried again for a moment: freed instances may stay so for
    /// some tenths of a second.
    /// - Parameter progress: called after every step with its words.
    public func apply(
        with backend: some DeviceBackend, patience: Duration = .seconds(2), progress: (String) -> Void = { _ in }
    ) throws(LayoutInterrupted) {
        var done: [String] = []
        for step in steps {
            let words = step.description(on: gpu.geometry)
            do throws(DeviceError) {
                try retryingWhileInUse(patience) { () throws(DeviceError) in
                    switch step {
                    case .destroy(let instance): try backend.destroy(instance, on: gpu)
                    case .create(let spec): _ = try backend.create(spec, on: gpu)
                    case .complete(let instance): _ = try backend.complete(instance, on: gpu)
                    }
                }
            } catch {
                throw LayoutInterrupted(gpu: gpu.index, done: done, failed: words, cause: error)
            }
            done.append(words)
            progress(words)
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
