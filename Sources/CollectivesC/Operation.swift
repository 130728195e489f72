import CFlexmig
import Collectives

/// One call of the C interface, its arguments checked: what the calling thread or the communicator's own one runs.
///
/// Sendable and safe because it only carries the caller's pointers to where the engine uses them, and the caller
/// promises that the memory is there, and left alone, until the call or the work is done.
@safe struct Operation: @unchecked Sendable {
    enum Kind {
        case barrier, broadcast, allGather, allReduce, reduceScatter, reduce, gather, scatter, allToAll
        case send, receive, sendReceive
    }

    private let kind: Kind
    private let element: ElementType
    private let input: UnsafeRawPointer?
    private let output: UnsafeMutableRawPointer?
    private let count: Int
    private let root: Int
    private var reduction = Reduction.sum
    /// What `sendReceive` receives; `count` and `root` are what it sends.
    private var received = (count: 0, sender: 0)

    /// Elements that fit into no address space; the sizes below it can be multiplied without overflow.
    private static let mostElements = 1 << 44

    static let barrier = unsafe Operation(.barrier, .uint8, nil, nil, 0, 0)

    @inline(__always) @unsafe
    private init(
        _ kind: Kind, _ element: ElementType, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?,
        _ count: Int, _ root: Int
    ) {
        self.kind = kind
        self.element = element
        unsafe self.input = unsafe input
        unsafe self.output = unsafe output
        self.count = count
        self.root = root
    }

    /// Checks what all calls with memory have.
    ///
    /// - Parameter root: the root or the other rank of a message; 0 where there is none.
    @inline(__always) @unsafe
    init(
        _ kind: Kind, on communicator: Communicator, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?,
        _ count: Int, _ type: flexmig_type, root: Int32 = 0
    ) throws(Failure) {
        guard let element = ElementType(type) else { throw .argument("\(type.rawValue) is no flexmig_type") }
        unsafe self.init(kind, element, input, output, count, Int(root))
        try Self.check(count: count)
        try Self.check(rank: root, of: communicator)
        guard count > 0 else { return }
        if unsafe input == nil && needsInput(on: communicator) { throw .argument("the input is NULL") }
        if unsafe output == nil && needsOutput(on: communicator) { throw .argument("the output is NULL") }
    }

    /// The calls that reduce.
    @inline(__always) @unsafe
    init(
        _ kind: Kind, on communicator: Communicator, _ input: UnsafeRawPointer?, _ output: UnsafeMutableRawPointer?,
        _ count: Int, _ type: flexmig_type, _ reduction: flexmig_reduction, root: Int32 = 0
    ) throws(Failure) {
        unsafe try self.init(kind, on: communicator, input, output, count, type, root: root)
        guard let known = UInt8(exactly: reduction.rawValue).flatMap(Reduction.init(rawValue:)) else {
            throw .argument("\(reduction.rawValue) is no flexmig_reduction")
        }
        self.reduction = known
    }

    /// One message out, another one in.
    @unsafe
    init(
        on communicator: Communicator, send input: UnsafeRawPointer?, _ sendCount: Int, to receiver: Int32,
        receive output: UnsafeMutableRawPointer?, _ receiveCount: Int, from sender: Int32, _ type: flexmig_type
    ) throws(Failure) {
        unsafe try self.init(.send, on: communicator, input, nil, sendCount, type, root: receiver)
        _ = unsafe try Self(.receive, on: communicator, nil, output, receiveCount, type, root: sender)
        unsafe self.init(.sendReceive, element, input, output, sendCount, Int(receiver))
        received = (receiveCount, Int(sender))
    }

    @inline(__always)
    private static func check(count: Int) throws(Failure) {
        if UInt(bitPattern: count) > UInt(mostElements) {
            throw .argument("a tensor can't have \(UInt(bitPattern: count)) elements")
        }
    }

    @inline(__always)
    private static func check(rank: Int32, of communicator: Communicator) throws(Failure) {
        if rank < 0 || Int(rank) >= communicator.size {
            throw .argument("there is no rank \(rank); there are ranks 0 to \(communicator.size - 1)")
        }
    }

    @inline(__always)
    private func needsInput(on communicator: Communicator) -> Bool {
        switch kind {
        case .barrier, .broadcast, .receive: false
        case .scatter: communicator.rank == root
        default: true
        }
    }

    @inline(__always)
    private func needsOutput(on communicator: Communicator) -> Bool {
        switch kind {
        case .barrier, .send: false
        case .reduce, .gather: communicator.rank == root
        default: true
        }
    }

    @inline(__always)
    func run(on communicator: Communicator) throws(CollectiveError) {
        switch kind {
        case .barrier: try communicator.rawBarrier()
        case .broadcast: try unsafe communicator.rawBroadcast(output, count: count, element, from: root)
        case .allGather: try unsafe communicator.rawAllGather(input, output, count: count, element)
        case .allReduce: try unsafe communicator.rawAllReduce(input, output, count: count, element, reduction)
        case .reduceScatter: try unsafe communicator.rawReduceScatter(input, output, count: count, element, reduction)
        case .reduce: try unsafe communicator.rawReduce(input, output, count: count, element, reduction, to: root)
        case .gather: try unsafe communicator.rawGather(input, output, count: count, element, to: root)
        case .scatter: try unsafe communicator.rawScatter(input, output, count: count, element, from: root)
        case .allToAll: try unsafe communicator.rawAllToAll(input, output, count: count, element)
        case .send: try unsafe communicator.rawSend(input, count: count, element, to: root)
        case .receive: try unsafe communicator.rawReceive(output, count: count, element, from: root)
        case .sendReceive:
            try unsafe communicator.rawSendReceive(
                input, count: count, to: root, output, count: received.count, from: received.sender, element)
        }
    }
}

extension ElementType {
    /// The type with a number of the header; nil for another number.
    @inline(__always)
    fileprivate init?(_ type: flexmig_type) {
        switch type {
        case FLEXMIG_FLOAT32: self = .float
        case FLEXMIG_FLOAT64: self = .double
        case FLEXMIG_INT32: self = .int32
        case FLEXMIG_INT64: self = .int64
        case FLEXMIG_FLOAT16: self = .float16
        case FLEXMIG_BFLOAT16: self = .bfloat16
        case FLEXMIG_INT8: self = .int8
        case FLEXMIG_UINT8: self = .uint8
        case FLEXMIG_UINT32: self = .uint32
        case FLEXMIG_UINT64: self = .uint64
        default: return nil
        }
    }
}
