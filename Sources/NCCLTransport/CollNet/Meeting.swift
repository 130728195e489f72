import Collectives
import Platform

/// The file of one CollNet listener, under a name that only the group's ranks know.
///
/// Rank 0's tells whether the group can still come together: rank 0 holds its lock while it lives, and whoever can't
/// go on removes the name, for which it needs neither memory nor a descriptor. So all ranks fail together, as NCCL
/// needs it. It is removed when all have joined and have said so.
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

    /// Opens that of another process.
    static func visit(_ name: SharedMemoryName) throws(SystemError) -> Meeting {
        Meeting(try Descriptor.open(name.path, .readWrite), name)
    }

    /// - Parameter isOwn: whether this process has made it.
    /// - Throws: when the group can't come together any more.
    func checkHope(isOwn: Bool) throws(CollectiveError) {
        if !Files.exists(name.path) {
            throw CollectiveError(.rankLeft, "another rank of \(name) could not join; its log says why")
        }
        let isHeld: Bool
        do throws(SystemError) {
            isHeld = isOwn ? true : try file.holder(in: LockRange(start: 0)) != nil
        } catch {
            throw CollectiveError(.system, "can't see whether rank 0 of \(name) lives", cause: error)
        }
        if !isHeld { throw CollectiveError(.rankDied, "rank 0 of \(name) died while the ranks joined", rank: 0) }
    }

    package func remove() { try? name.unlink() }
}
