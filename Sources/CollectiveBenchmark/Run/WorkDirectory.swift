import Platform

/// The directory of a run, with one below for each contender; removed with all that is in it.
final class WorkDirectory {
    let path: String
    private var count = 0

    init() throws(SystemError) {
        let base = Environment.value("TMPDIR") ?? "/tmp"
        path = "\(base)/flexmig-bench-\(randomToken(bytes: 8))"
        try Files.makeDirectory(path, permissions: 0o700)
    }

    /// The path of a new directory, not made yet.
    func next() -> String {
        count += 1
        return "\(path)/\(count)"
    }

    /// Removes everything; what can't be removed stays.
    func remove() {
        for name in (try? Files.names(in: path)) ?? [] {
            for file in (try? Files.names(in: "\(path)/\(name)")) ?? [] { try? Files.remove("\(path)/\(name)/\(file)") }
            try? Files.removeDirectory("\(path)/\(name)")
        }
        try? Files.removeDirectory(path)
    }
}
