extension Exchange {
    /// Whether some ranks stage, and whether some show their tensors directly.
    struct Views {
        var someStaged = false
        var someDirect = false
        var someSingle = false
        var allOutputsDirect = true
        /// What rank 0 shows about the ways of later stores.
        var storeNote: UInt64 = 0
    }

    /// The first step of a call whose tensors may lie in the symmetric heap: every rank shows where its own are.
    ///
    /// Fills `inputs`, `outputs` and `addresses`.
    ///
    /// - Parameter input, output: locations in the heap; 0 for a tensor that is staged, all ones for none.
    func open(
        _ signature: Signature, input: UInt64, output: UInt64, inputBytes: Int
    ) throws(CollectiveError) -> Views {
        let note = unsafe ownNote.assumingMemoryBound(to: UInt64.self)
        unsafe note[0] = input
        unsafe note[1] = output
        unsafe note[2] = storeNote
        try step(signature)
        var views = Views()
        // As in `step`, its own line is left with those who read it.
        views.storeNote = unsafe rank == 0 ? storeNote : self.note(of: 0).load(fromByteOffset: 16, as: UInt64.self)
        for other in 0..<size {
            let words = unsafe self.note(of: other).assumingMemoryBound(to: UInt64.self)
            let (theirInput, theirOutput) = unsafe other == rank ? (input, output) : (words[0], words[1])
            unsafe inputs[other] = nil
            unsafe outputs[other] = nil
            unsafe addresses[other] = nil
            switch theirInput {
            case 0: views.someStaged = true
            case .max: break
            case let word where word & Showing.privateBit != 0:
                views.someSingle = true
                unsafe addresses[other] = word & ~Showing.privateBit
            default:
                views.someDirect = true
                unsafe inputs[other] = UnsafeRawPointer(try address(theirInput, of: other, bytes: inputBytes))
            }
            if theirOutput == 0 {
                views.allOutputsDirect = false
            } else if theirOutput != .max {
                unsafe outputs[other] = try address(theirOutput, of: other, bytes: inputBytes)
            }
        }
        return views
    }

    @unsafe
    private func address(
        _ location: UInt64, of other: Int, bytes: Int
    ) throws(CollectiveError) -> UnsafeMutableRawPointer {
        if let address = unsafe heap.address(of: location, bytes: bytes) { return unsafe address }
        throw fail(
            Fault(kind: .gaveUp, rank: rank),
            CollectiveError(
                .incompatible, "rank \(other) shows a tensor at \(location), where this rank knows no memory",
                rank: other))
    }
}
