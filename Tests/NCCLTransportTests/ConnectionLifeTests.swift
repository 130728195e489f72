import NCCLTransport
import Testing

/// Every event in every state.
struct ConnectionLifeTests {
    typealias State = ConnectionLife.State
    typealias Event = ConnectionLife.Event

    private static let tooLong = ReceiveProgress.Mismatch.tooLong(bytes: 9, room: 8)

    /// How to come to a state.
    private static let ways: [(state: State, events: [Event])] = [
        (.open, []),
        (.draining(.left), [.peerWent(.left)]),
        (.draining(.died), [.peerWent(.died)]),
        (.failed(.late), [.timeIsUp]),
        (.failed(.gone(.died)), [.peerWent(.died), .nothingMoves]),
        (.closed, [.close]),
    ]

    private static let events: [Event] = [
        .peerWent(.left), .peerWent(.died), .nothingMoves, .mismatch(tooLong), .timeIsUp, .looksFail, .close,
    ]

    /// In the order of `events`; nil where the state stays.
    private static let table: [(state: State, next: [State?])] = [
        (
            .open,
            [
                .draining(.left), .draining(.died), nil, .failed(.mismatch(tooLong)), .failed(.late), .failed(.unseen),
                .closed,
            ]
        ),
        (
            .draining(.left),
            [
                nil, nil, .failed(.gone(.left)), .failed(.mismatch(tooLong)), .failed(.gone(.left)),
                .failed(.gone(.left)), .closed,
            ]
        ),
        (
            .draining(.died),
            [
                nil, nil, .failed(.gone(.died)), .failed(.mismatch(tooLong)), .failed(.gone(.died)),
                .failed(.gone(.died)), .closed,
            ]
        ),
        (.failed(.late), [nil, nil, nil, nil, nil, nil, .closed]),
        (.failed(.gone(.died)), [nil, nil, nil, nil, nil, nil, .closed]),
        (.closed, [nil, nil, nil, nil, nil, nil, nil]),
    ]

    @Test func everyEventInEveryStateLeadsWhereTheTableSays() {
        for (state, way) in Self.ways {
            let row = Self.table.first { $0.state == state }?.next ?? []
            #expect(row.count == Self.events.count, "the table misses \(state)")
            for (event, next) in zip(Self.events, row) {
                var life = ConnectionLife()
                for step in way { life.handle(step) }
                #expect(life.state == state)
                let isNew = life.handle(event)
                #expect(life.state == next ?? state, "\(event) in \(state)")
                if case .failed = next { #expect(isNew) } else { #expect(!isNew) }
            }
        }
    }

    @Test func onlyAnOpenOrDrainingConnectionMovesParts() {
        for (state, way) in Self.ways {
            var life = ConnectionLife()
            for step in way { life.handle(step) }
            let moves =
                switch state {
                case .open, .draining: true
                case .failed, .closed: false
                }
            #expect(life.moves == moves, "\(state)")
        }
    }
}
