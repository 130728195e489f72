import Collectives
import Platform

/// A transport that does what another one does, but for the word on who lives.
class HookedTransport: Transport {
    let own: any Transport
    private let look: (Int) throws(SystemError) -> Void

    /// - Parameter look: called before the other transport is asked whether a rank lives.
    init(_ own: any Transport, beforeLooking look: @escaping (Int) throws(SystemError) -> Void) {
        self.own = own
        self.look = look
    }

    var name: String { own.name }
    var rank: Int { own.rank }
    var region: Region { own.region }

    func isAlive(_ rank: Int) throws(SystemError) -> Bool {
        try look(rank)
        return try own.isAlive(rank)
    }

    func createMemory(named name: String, bytes: Int) throws(SystemError) -> MappedMemory {
        try own.createMemory(named: name, bytes: bytes)
    }
    func openMemory(named name: String) throws(SystemError) -> MappedMemory { try own.openMemory(named: name) }
    func removeMemory(named name: String) { own.removeMemory(named: name) }
    func join(
        _ rendezvous: Rendezvous, names: [Int], checkHope: @escaping () throws(CollectiveError) -> Void
    ) throws(CollectiveError) -> any Transport {
        try own.join(rendezvous, names: names, checkHope: checkHope)
    }
}
