import Platform

/// What carries bytes between ranks: memory that all of them see, and the word on who is alive.
///
/// Nothing of an algorithm lives here. A transport belongs to one rank and is used by one thread at a time.
package protocol Transport: AnyObject {
    /// For messages, such as the segment's name.
    var name: String { get }
    var rank: Int { get }
    /// The shared memory; valid as long as the transport lives.
    var region: Region { get }

    /// Whether a rank that has attached still exists. Once false it stays false. About a microsecond.
    ///
    /// Who learns that a rank is dead sees everything that it stored before: its sequence and state have to be
    /// read after this answer, not before.
    func isAlive(_ rank: Int) throws(SystemError) -> Bool

    /// Whether the ranks are processes of their own.
    var hasProcesses: Bool { get }

    /// What a rank's process does, for the error of a rank that is late; nil when that can't be seen.
    func stateInWords(of rank: Int) -> String?

    /// More memory that all ranks will see, under a name that nobody else has.
    ///
    /// - Throws: `SystemError`; `isNoSpace` when there is no room.
    func createMemory(named name: String, bytes: Int) throws(SystemError) -> MappedMemory
    /// The memory that another rank created.
    func openMemory(named name: String) throws(SystemError) -> MappedMemory
    /// Removes the name; those who have the memory keep it. A missing one is fine.
    func removeMemory(named name: String)

    /// The transport of a smaller group, to which ranks come that agree on its name.
    ///
    /// - Parameter names: what errors call the group's ranks: their numbers here.
    /// - Parameter checkHope: throws when they can't all come any more.
    func join(
        _ rendezvous: Rendezvous, names: [Int], checkHope: @escaping () throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> any Transport
}

extension Transport {
    var worldSize: Int { region.layout.worldSize }

    package func stateInWords(of rank: Int) -> String? { nil }
    package var hasProcesses: Bool { false }

    /// Looks at one rank: whether it has attached, then whether it lives, then what it said, since its last words
    /// precede its death. One that has not attached yet has no lock either, so it counts as alive.
    func observe(_ rank: Int) throws(SystemError) -> Observation {
        let isAttached = region.state(of: rank) != .absent
        let isAlive = isAttached ? try isAlive(rank) : true
        return Observation(rank: rank, isAlive: isAlive, state: region.state(of: rank))
    }
}
