import Platform

/// Segments that nobody will ever open: their makers were killed between making them and being connected to.
enum Leftovers {
    /// Removes this user's segments with a prefix whose maker is dead.
    ///
    /// Called before this process makes any: closing a file of its own would drop its lock on it.
    ///
    /// - Parameter age: younger ones are left alone, as their maker may be about to take the lock.
    static func remove(prefix: String, olderThan age: Duration) {
        for name in SharedMemoryName.all(withPrefix: prefix) {
            // Whatever fails here concerns a file that is not ours or is gone by now.
            guard let file = try? Descriptor.open(name.path, .readWrite), (try? file.isOwn()) == true,
                let since = try? file.ageOfContent(), since > age,
                (try? file.isLocked(LockRange(start: 0))) == false
            else { continue }
            try? name.unlink()
        }
    }
}
