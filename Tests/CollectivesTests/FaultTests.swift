import Collectives
import Testing

/// Whom to blame. A pure decision.
struct FaultTests {
    private func seen(_ rank: Int, alive: Bool = true, _ state: RankState) -> Observation {
        Observation(rank: rank, isAlive: alive, state: state)
    }

    @Test func blamesTheFirstCause() {
        let passedOn = Fault(kind: .died, rank: 5)
        #expect(Fault.among([]) == nil)
        #expect(Fault.among([seen(0, .attached), seen(1, .attached)]) == nil)
        // Not there yet is neither dead nor gone.
        #expect(Fault.among([seen(0, alive: false, .absent)]) == nil)
        #expect(Fault.among([seen(0, .attached), seen(1, alive: false, .attached)]) == Fault(kind: .died, rank: 1))
        #expect(Fault.among([seen(3, .left)]) == Fault(kind: .left, rank: 3))
        // Left in order and ended since.
        #expect(Fault.among([seen(3, alive: false, .left)]) == Fault(kind: .left, rank: 3))
        // One that gave up because of another names that other, also when it has ended itself.
        #expect(Fault.among([seen(1, alive: false, .failed(passedOn))]) == passedOn)
        #expect(Fault.among([seen(0, .left), seen(1, .failed(passedOn))]) == passedOn)
        #expect(
            Fault.among([seen(0, .left), seen(1, .failed(passedOn)), seen(2, alive: false, .attached)])
                == Fault(kind: .died, rank: 2))
    }
}
