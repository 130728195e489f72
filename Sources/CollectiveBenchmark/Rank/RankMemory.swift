import Collectives
import Glibc
import Platform

/// Where a rank's tensors lie.
public enum TensorPlace: String, CaseIterable, Sendable {
    /// In memory of the process's own, as with every other library.
    case `private`
    /// In tensors of `Communicator.makeTensor`.
    case tensor
}

/// Bytes for one tensor, every page of them touched, released with the last reference.
@safe final class RankMemory {
    private enum Owner {
        case mapping(Int)
        case tensor(Tensor<UInt8>)
    }
    /// Valid as long as this value.
    @unsafe let address: UnsafeMutableRawPointer
    private let owner: Owner

    private static let hugePage = 2 << 20
    private static let hugeFrom = 4 << 20

    /// Whole pages of private memory, from 4 MiB on at a huge page and asking for those, as every contender has them.
    init(privateBytes bytes: Int) throws(SystemError) {
        let isHuge = bytes >= Self.hugeFrom
        let size = isHuge ? (bytes + Self.hugePage - 1) / Self.hugePage * Self.hugePage : max(1, bytes)
        let extra = isHuge ? Self.hugePage : 0
        let memory = unsafe mmap(nil, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard var memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw SystemError(call: "mmap", code: errno, subject: "\(size) bytes")
        }
        if isHuge {
            let before = (Self.hugePage - Int(bitPattern: memory) % Self.hugePage) % Self.hugePage
            if before > 0 { unsafe munmap(memory, before) }
            if extra > before { unsafe munmap(memory + before + size, extra - before) }
            unsafe memory += before
            unsafe madvise(memory, size, CInt(MADV_HUGEPAGE))
        }
        unsafe memset(memory, 1, size)
        unsafe address = memory
        owner = .mapping(size)
    }

    /// A tensor that all ranks reach; all make it together.
    init(sharedBytes bytes: Int, of communicator: Communicator) throws(CollectiveError) {
        let tensor = try communicator.makeTensor(repeating: UInt8(1), count: max(1, bytes))
        // A count of at least 1 has an address.
        guard let base = unsafe tensor.buffer.baseAddress else { preconditionFailure("a tensor without memory") }
        unsafe address = UnsafeMutableRawPointer(base)
        owner = .tensor(tensor)
    }

    deinit {
        if case .mapping(let size) = owner { unsafe munmap(address, size) }
    }
}

/// The tensors of one operation on this rank.
final class RankTensors {
    let shape: OperationShape
    private let inputMemory: RankMemory?
    private let outputMemory: RankMemory?

    /// nil where this rank has none.
    var input: UnsafeMutableRawPointer? { unsafe inputMemory?.address }
    var output: UnsafeMutableRawPointer? { unsafe outputMemory?.address }

    /// - Throws: `SystemError`, `CollectiveError`.
    init(_ shape: OperationShape, _ place: TensorPlace, _ communicator: Communicator?) throws {
        self.shape = shape
        let stride = shape.type.stride
        switch (place, communicator) {
        case (.tensor, let communicator?):
            // All ranks make the same tensors, whatever they use of them.
            let root = OperationShape(
                shape.operation, shape.type, bytes: shape.block * stride * (shape.hasBlocks ? shape.ranks : 1),
                rank: 0, ranks: shape.ranks)
            let (inputs, outputs) = (max(shape.inputCount, root.inputCount), max(shape.outputCount, root.outputCount))
            if shape.operation == .barrier {
                (inputMemory, outputMemory) = (nil, nil)
            } else if shape.operation.isInPlace {
                let memory = try RankMemory(sharedBytes: max(inputs, outputs) * stride, of: communicator)
                (inputMemory, outputMemory) = (memory, memory)
            } else {
                inputMemory = try RankMemory(sharedBytes: inputs * stride, of: communicator)
                outputMemory = try RankMemory(sharedBytes: outputs * stride, of: communicator)
            }
        default:
            func memory(_ count: Int) throws(SystemError) -> RankMemory? {
                count == 0 ? nil : try RankMemory(privateBytes: count * stride)
            }
            if shape.operation.isInPlace {
                let memory = try memory(shape.block)
                (inputMemory, outputMemory) = (memory, memory)
            } else {
                (inputMemory, outputMemory) = (try memory(shape.inputCount), try memory(shape.outputCount))
            }
        }
    }

    /// Writes the whole input.
    func fill(round: UInt32) {
        if shape.inputCount > 0, let input = unsafe input { unsafe TensorValues.fill(input, shape, round: round) }
    }

    /// Makes the result wrong where it is not also the input, so that a result that was never written is noticed.
    func spoil() {
        guard let output = unsafe output, shape.outputCount > 0, unsafe output != input || shape.inputCount == 0
        else { return }
        unsafe memset(output, 0x55, shape.outputCount * shape.type.stride)
    }

    /// The first wrong element of the result; nil when all are right.
    func firstWrong(round: UInt32) -> Int? {
        guard shape.outputCount > 0, let output = unsafe output else { return nil }
        return unsafe TensorValues.firstWrong(in: output, shape, round: round)
    }
}

extension OperationShape {
    /// Whether the larger buffer has a block for each rank.
    var hasBlocks: Bool {
        switch operation {
        case .reducescatter, .allgather, .gather, .scatter, .alltoall: true
        case .allreduce, .broadcast, .reduce, .sendrecv, .barrier: false
        }
    }
}
