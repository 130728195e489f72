import Platform

/// How long one spin of `WaitLadder` takes on this machine, in nanoseconds. Measured once, in some 10 microseconds.
enum SpinTime {
    static let nanoseconds: Double = {
        let time = ContinuousClock().measure { for _ in 0..<256 { relaxProcessor() } }
        return max(1, time / .nanoseconds(256))
    }()
}
