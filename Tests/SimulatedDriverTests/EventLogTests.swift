import Platform
import SimulatedDriver
import TestSupport
import Testing

struct EventLogTests {
    let fixture: NodeFixture
    init() throws { fixture = try NodeFixture() }

    @Test func whatIsWrittenIsRead() throws {
        let events = [
            Event("one", [:]), Event("two", ["b": "2", "a": "1"]), Event("three", ["text": "a b\tc\r\nd", "none": ""]),
        ]
        for event in events { try fixture.node.change { _, _ in .init((), events: [event]) } }
        #expect(try fixture.events() == events.dropLast() + [Event("three", ["text": "a_b_c_d", "none": "-"])])
        let lines = try Files.readText(fixture.node.log.path).split(separator: "\n")
        #expect(lines[1].hasSuffix(" two a=1 b=2"), "fields are in order of their names")
    }

    @Test func aLogThatIsNotThereIsEmpty() throws {
        #expect(try EventLog(path: fixture.directory.path("none")).events().isEmpty)
    }

    /// A crash in the middle of a line, or a hand that wrote into the file.
    @Test func unreadableLinesAreLeftOut() throws {
        let text = "17 first a=1\nrubbish\n\n18\nx second\n19 third a=1 b c=\n20 fou"
        try Files.replace(fixture.node.log.path, with: Array(text.utf8))
        let events = try fixture.node.log.events()
        #expect(events.map(\.time) == [17, 19, 20])
        #expect(
            events.map(\.event) == [
                Event("first", ["a": "1"]), Event("third", ["a": "1", "c": ""]), Event("fou", [:]),
            ])
    }
}
