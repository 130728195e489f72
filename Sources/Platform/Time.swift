import CPlatform
import Glibc

/// Lets this thread sleep; a signal ends the sleep early.
public func pause(for duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    unsafe nanosleep(&time, nil)
}

/// The wall clock, in whole seconds since 1970.
public func secondsSince1970() -> Int { time(nil) }
