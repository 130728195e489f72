/// The inner loops of the reductions of one element type, over raw memory.
///
/// Each is compiled for its type, so that the loop is one of vector instructions; a collective calls it once a
/// block. Opaque outside this module.
@safe public struct ElementKernels: Sendable {
    let type: ElementType
    /// `result[i] = a[i] + b[i]` for `count` elements. `result` may be `a`.
    @unsafe let add:
        @Sendable (_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ result: UnsafeMutableRawPointer, _ count: Int) ->
            Void
    /// `values[i] = values[i] / ranks` for `count` elements.
    @unsafe let divide: @Sendable (_ values: UnsafeMutableRawPointer, _ ranks: Int, _ count: Int) -> Void

    /// - Parameter add, divide: the arithmetic of one element; inlined into the loops.
    @inline(__always)
    init<Element: BitwiseCopyable>(
        _ code: ElementType.Code, of element: Element.Type,
        add: @escaping @Sendable (Element, Element) -> Element,
        divide: @escaping @Sendable (Element, Int) -> Element
    ) {
        type = ElementType(code: code, stride: MemoryLayout<Element>.stride)
        // The callers promise `count` elements behind each pointer, aligned for the type: slots are aligned to
        // 128 bytes and users' buffers come from spans of the type. Raw memory has no type of its own, so binding
        // it here changes nothing for anyone else.
        unsafe self.add = { a, b, result, count in
            let a = unsafe a.bindMemory(to: Element.self, capacity: count)
            let b = unsafe b.bindMemory(to: Element.self, capacity: count)
            let result = unsafe result.bindMemory(to: Element.self, capacity: count)
            for index in 0..<count { unsafe result[index] = add(a[index], b[index]) }
        }
        unsafe self.divide = { values, ranks, count in
            let values = unsafe values.bindMemory(to: Element.self, capacity: count)
            for index in 0..<count { unsafe values[index] = divide(values[index], ranks) }
        }
    }
}
