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

    /// Whether an attached rank still exists. Once false it stays false. About a microsecond.
    ///
    /// Who learns that a rank is dead sees everything that it stored before: its sequence and state have to be
    /// read after this answer, not before.
    func isAlive(_ rank: Int) throws(SystemError) -> Bool
}

extension Transport {
    var worldSize: Int { region.layout.worldSize }

    /// Looks at one rank: first whether it lives, then what it said, since its last words precede its death.
    func observe(_ rank: Int) throws(SystemError) -> Observation {
        let isAlive = try isAlive(rank)
        return Observation(rank: rank, isAlive: isAlive, state: region.state(of: rank))
    }
}
