import DeviceInventory
import MIGModel
import Platform

/// Who is on a job's leaves by the driver's account.
struct LeafOccupancy<Backend: DeviceBackend> {
    let backend: Backend
    let leaves: [MIGDeviceUUID]

    /// In plain words who is there; nil when nobody is.
    ///
    /// A leaf that no longer exists is empty. A driver that can't be asked is a reason to wait, not to hand out.
    func occupant() -> String? {
        for leaf in leaves {
            do throws(DeviceError) {
                let processes = try backend.processes(on: leaf)
                if let first = processes.first {
                    return "process \(first) still runs on leaf \(leaf)"
                }
            } catch {
                if error.kind == .gone { continue }
                return "the driver can't be asked about leaf \(leaf) (\(error.message))"
            }
        }
        return nil
    }

    /// Waits until the leaves are empty.
    ///
    /// - Returns: the occupant when the time is up.
    func waitUntilEmpty(patience: Duration) -> String? {
        let deadline = ContinuousClock.now + patience
        while let occupant = occupant() {
            if ContinuousClock.now >= deadline { return occupant }
            pause(for: .milliseconds(20))
        }
        return nil
    }
}
