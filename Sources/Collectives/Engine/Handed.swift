/// A value that threads hand to each other.
///
/// Sendable under a rule that whoever makes one has to keep, and to tell: no two threads use the value at the same time,
/// and what one did with it comes before what the next one does.
struct Handed<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
