/// Where sentences for people go: NCCL's log.
package struct Notices: Sendable {
    package enum Level: Hashable, Sendable { case warning, info }

    private let write: @Sendable (Level, String) -> Void

    package init(_ write: @escaping @Sendable (Level, String) -> Void) { self.write = write }

    package func tell(_ level: Level, _ text: String) { write(level, text) }
}
