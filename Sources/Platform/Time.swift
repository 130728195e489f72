import CPlatform
import Glibc

/// Lets this thread sleep; a signal ends the sleep early.
public func pause(for duration: Duration) {
    var time = timespec(duration)
    unsafe nanosleep(&time, nil)
}

/// The wall clock, in whole seconds since 1970.
public func secondsSince1970() -> Int { time(nil) }
