import Platform
import TestSupport

/// The program `flexmig`, as a user has it before him.
enum Flexmig {
    /// Runs it and waits for its end.
    ///
    /// - Parameter environment: is added to this process's, from which every setting of flexmig is taken away.
    /// - Returns: standard output and standard error in one.
    static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (output: String, end: ProcessEnd) {
        let settings = [
            "SIMULATE", "NODE_DIRECTORY", "CONFIG", "NVML_LIBRARY", "STATE_DIRECTORY", "SIMULATED_NODE", "RUNTIME",
        ]
        let none = Dictionary(uniqueKeysWithValues: settings.map { ("FLEXMIG_\($0)", "") })
        // No configuration of whoever runs the tests, and a terminal of the usual width.
        let fixed = ["XDG_CONFIG_HOME": "/nowhere", "COLUMNS": "80"]
        let program = try LineProgram(
            "/bin/sh", ["-c", "exec \"$0\" \"$@\" 2>&1", try BuiltProduct.path("flexmig")] + arguments,
            environment: none.merging(fixed) { $1 }.merging(environment) { $1 })
        var output = ""
        while let line = try program.nextLine() { output += line + "\n" }
        return (output, try program.waitUntilEnd())
    }
}
