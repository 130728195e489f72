import Platform

extension Communicator {
    /// Makes a tensor in memory that all ranks reach.
    ///
    /// A collective: all ranks call it with the same count, in the same order as other collectives. Cheap where there
    /// is room from tensors that were released; else it maps new memory, at least 8 MiB a rank, all of it present.
    ///
    /// - Parameter count: elements on each rank, 0 and more.
    /// - Throws: `outOfSharedMemory` on all ranks when /dev/shm has no room, and the communicator stays as it was;
    ///   `invalidArgument` for a negative count; otherwise as `barrier`.
    public func makeTensor<Element: BitwiseCopyable>(
        repeating value: Element, count: Int
    ) throws(CollectiveError) -> Tensor<Element> {
        let stride = max(1, MemoryLayout<Element>.stride)
        guard count >= 0, count <= SymmetricHeap.largestArena / stride / size else {
            throw CollectiveError(.invalidArgument, "a tensor can't have \(count) elements")
        }
        return Tensor(try allocate(bytes: count * stride), count: count, repeating: value)
    }

    /// Makes a tensor of zeros; otherwise as `makeTensor(repeating:count:)`.
    public func makeTensor<Element: CollectiveElement & ExpressibleByIntegerLiteral>(
        of type: Element.Type = Element.self, count: Int
    ) throws(CollectiveError) -> Tensor<Element> {
        try makeTensor(repeating: 0, count: count)
    }

    /// Reserves bytes in the symmetric heap; nil on a communicator of one rank, which needs none.
    func allocate(bytes: Int) throws(CollectiveError) -> TensorMemory? {
        var outcome: HeapGrowth.Outcome?
        try run(Signature(.allocate, of: .uint8, count: bytes), bytes: bytes) { exchange throws(CollectiveError) in
            if size == 1 { return .alone }
            outcome = try HeapGrowth(exchange, bytes: bytes).run()
            return .step
        }
        switch outcome {
        case .reserved(let memory)?: return memory
        case .refused(let error, let needed)?:
            // All ranks have agreed on it, so the communicator goes on.
            if !error.isNoSpace {
                throw CollectiveError(.outOfSharedMemory, "a tensor of \(bytes) bytes can't be mapped", cause: error)
            }
            let free = (try? SharedMemoryName.freeBytes()).map { "\($0)" } ?? "an unknown number of"
            throw CollectiveError(
                .outOfSharedMemory,
                "a tensor of \(bytes) bytes on each of \(size) ranks needs \(needed) bytes of /dev/shm, \(free) are "
                    + "free; tensors that were released leave room for others of this communicator, and give it back when "
                    + "it is closed; or make it larger: \(SharedMemoryName.howToEnlarge)",
                cause: error)
        case nil: return nil
        }
    }
}
