/// One collective call of this rank: what it is, and where its tensors lie.
///
/// Safe as a value: nothing but the algorithms reads the pointers, and only while the call lasts.
@safe struct Call {
    let signature: Signature
    let element: ElementType
    /// The code of the reduction; 0 where nothing is reduced.
    let operation: Int32
    /// The rank that the call is about; 0 where it is about all alike.
    let root: Int
    /// Bytes of one block: the whole tensor, or what belongs to one rank in the calls that part it.
    let bytes: Int
    /// This rank's input; nil where it has none or no bytes.
    let input: UnsafeRawPointer?
    /// This rank's tensor for the result; nil likewise. May be the input's memory where the call allows that.
    let output: UnsafeMutableRawPointer?

    @unsafe init(
        _ kind: CollectiveKind, _ element: ElementType, count: Int, root: Int = 0, reduction: Reduction? = nil,
        input: UnsafeRawPointer?, output: UnsafeMutableRawPointer?
    ) {
        signature = Signature(kind, of: element, count: count, root: root, reduction: reduction)
        self.element = element
        operation = Int32(reduction?.rawValue ?? 0)
        self.root = root
        bytes = count * element.stride
        unsafe self.input = UnsafeRawPointer(bitPattern: UInt(bitPattern: input))
        unsafe self.output = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: output))
    }
}
