import Glibc
import Platform

/// The two FIFOs of one rank: commands go in, results come out.
final class RankChannel {
    private let commandPath: String
    private var command: Descriptor?
    private let result: Descriptor
    private var pending: [UInt8] = []
    /// The other end has been closed.
    private(set) var isHungUp = false

    /// Makes the FIFOs, mode 0600, and opens the reading end, which waits for nobody.
    init(in directory: String, rank: Int) throws(SystemError) {
        commandPath = "\(directory)/command.\(rank)"
        let resultPath = "\(directory)/result.\(rank)"
        for path in [commandPath, resultPath] {
            if unsafe mkfifo(path, 0o600) != 0 { throw SystemError(call: "mkfifo", code: errno, subject: path) }
        }
        result = try Descriptor.open(resultPath, [.readOnly, .nonBlocking])
    }

    var number: CInt { result.number }

    /// Opens the writing end if the rank has opened its reading end.
    ///
    /// - Returns: whether it is open.
    func connect() throws(SystemError) -> Bool {
        if command != nil { return true }
        do throws(SystemError) {
            command = try Descriptor.open(commandPath, [.writeOnly, .nonBlocking])
            return true
        } catch {
            if error.code == ENXIO { return false }
            throw error
        }
    }

    /// Sends a line; it fits into the FIFO, which is empty.
    func send(_ line: String) throws(SystemError) {
        pending = []
        try command?.write(Array((line + "\n").utf8))
    }

    /// Reads what is there. Only after `poll` saw something.
    func receive() throws(SystemError) {
        do throws(SystemError) {
            if let bytes = try result.read(upTo: 65536) { pending += bytes } else { isHungUp = true }
        } catch {
            if !error.isTryAgain { throw error }
        }
    }

    /// A whole line that has come; nil while there is none.
    func takeLine() -> String? {
        guard let end = pending.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeSubrange(...end)
        return line
    }

    /// Closes the writing end: the rank's input ends.
    func close() { command = nil }
}
