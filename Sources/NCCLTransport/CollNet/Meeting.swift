import Collectives
import Platform

/// The file of one CollNet rank while the group comes together, under a name that only the group's ranks know.
///
/// The rank holds its lock while it lives. Whoever can't go on removes the names of all, for which it needs neither
/// memory nor a descriptor, and whoever misses one gives up too. So all ranks fail together, as NCCL needs it. When all
/// have joined and have said so, the names are removed as well.
package final class Meeting {
    private let file: Descriptor
    let name: SharedMemoryName

    private init(_ file: consuming Descriptor, _ name: SharedMemoryName) {
        self.file = file
        self.name = name
    }

    static func make(_ name: SharedMemoryName) throws(SystemError) -> Meeting {
        let file = try Descriptor.open(name.path, [.readWrite, .create, .exclusive], permissions: 0o600)
        let meeting = Meeting(file, name)
        do throws(SystemError) {
            _ = try meeting.file.tryLock(LockRange(start: 0))
        } catch {
            meeting.remove()
            throw error
        }
        return meeting
    }

    func remove() { try? name.unlink() }

    /// Looks whether the ranks can still come together.
    ///
    /// - Parameter names: of all ranks' meetings. The own one is not opened: closing it would drop its lock.
    /// - Throws: when one has died or given up.
    static func checkHope(_ names: [SharedMemoryName], own: Int) throws(CollectiveError) {
        for (rank, name) in names.enumerated() {
            let isThere: Bool
            do throws(SystemError) {
                isThere =
                    if rank == own { Files.exists(name.path) } else {
                        try isHeld(name)
                    }
            } catch {
                throw CollectiveError(
                    .system, "can't see whether rank \(rank) of the CollNet group lives", cause: error)
            }
            if isThere { continue }
            throw CollectiveError(
                .rankLeft,
                "rank \(rank) of the CollNet group, or one that the group waits for, has ended or given up; its log says "
                    + "why. Or the ranks run in containers that don't share /dev/shm (docker run --ipc=host shares it)",
                rank: rank)
        }
    }

    /// Whether another rank's file is there and its rank alive.
    private static func isHeld(_ name: SharedMemoryName) throws(SystemError) -> Bool {
        do throws(SystemError) {
            return try Descriptor.open(name.path, .readWrite).holder(in: LockRange(start: 0)) != nil
        } catch {
            if error.isNotFound { return false }
            throw error
        }
    }
}
