/// Waits that can't end, though every rank lives: the program is wrong, and what the ranks do shows it.
extension Exchange {
    /// An awaited rank that has come to a step to which this one has not.
    ///
    /// It goes no further until this rank comes there. So when this rank waits for it in a message, both would wait for ever.
    /// In a step there is none: who is awaited there has not even come to that one.
    func rankAhead(among awaited: [Observation]) -> Int? {
        awaited.first { region.hasPublished(current + 1, $0.rank) }?.rank
    }

    /// The error for a message with a rank that is in a collective.
    func waitsAcross(_ other: Int, _ signature: Signature) -> CollectiveError {
        // It stays in that step, so its line does too.
        let theirs = region.signature(of: other, step: current + 1)
        return fail(
            Fault(kind: .mismatched, rank: rank),
            CollectiveError(
                .mismatch,
                "the ranks called different collectives: rank \(rank) a message with rank \(other) (\(signature)), "
                    + "rank \(other) \(theirs)",
                rank: rank))
    }

    /// The error when the time is up and nobody is late but this rank, in a message to itself.
    func waitsForItself(_ signature: Signature) -> CollectiveError {
        fail(
            Fault(kind: .late, rank: rank),
            CollectiveError(
                .timedOut,
                "rank \(rank) waits for itself: it receives what it has not sent, or sends more than it can before it "
                    + "receives (\(transport.name), in \(signature))",
                rank: rank))
    }
}
