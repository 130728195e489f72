import CollectiveBenchmark
import Platform
import Traces

/// Traces and tables on disk, as commands read them.
enum TraceFile {
    /// Reads a trace; `-` is standard input.
    static func read(_ path: String, format: TraceFormat?, isStrict: Bool, progress: ProgressLine) throws -> Trace {
        var reader = TraceReader(format: format, isStrict: isStrict)
        reader.progress = { progress.show("\(path): \($0) rows read") }
        defer { progress.clear() }
        return try naming(path) { try reader.read(try source(path)) }
    }

    /// Reads a table of speeds.
    static func readSpeeds(_ path: String) throws -> SpeedTable {
        try naming(path) { try SpeedTable(source: "--speeds \(path)", reading: try source(path)) }
    }

    private static func source(_ path: String) throws -> ByteSource {
        let file = path == "-" ? Descriptor(owning: 0) : try Descriptor.open(path, .readOnly)
        let shared = SharedDescriptor(file)
        return { try shared.file.read(upTo: 1 << 18) ?? [] }
    }

    /// Every failure with the file's name before it.
    private static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let problem as TraceProblem {
            throw CommandFailure(CommandExit.input, "\(path): \(problem)")
        } catch let error as SystemError {
            throw CommandFailure(
                error.isPermission ? CommandExit.permission : CommandExit.input, "\(path) can't be read: \(error)")
        }
    }
}

/// A descriptor that a closure can hold.
private final class SharedDescriptor {
    let file: Descriptor
    init(_ file: consuming Descriptor) { self.file = file }
}
