import Collectives
import DigitsModel
import Foundation
import Platform

extension DigitsTraining {
    /// The digits of `--data`, or those that come with the program.
    func readDigits() throws -> DigitSet {
        guard let file = data ?? Bundle.module.path(forResource: "digits", ofType: "csv") else {
            throw DigitFileError(file: "digits.csv", reason: "it is not beside the program; name a file with --data")
        }
        let text: String
        do throws(SystemError) {
            text = try Files.readText(file)
        } catch {
            throw DigitFileError(file: file, reason: error.reason)
        }
        return try DigitSet(parsing: text, file: file)
    }

    func write(_ report: TrainingReport, to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try Files.replace(file, with: Array(try encoder.encode(report)) + [UInt8(ascii: "\n")])
    }

    /// The MIG device of every rank, in rank order.
    func gatherLeaves(_ communicator: Communicator) throws -> [String] {
        let width = 64
        var own = Array((Environment.value("CUDA_VISIBLE_DEVICES") ?? "").utf8.prefix(width))
        own += [UInt8](repeating: 0, count: width - own.count)
        var all = [UInt8](repeating: 0, count: width * communicator.size)
        var span = all.mutableSpan
        try communicator.allGather(own.span, into: &span)
        return (0..<communicator.size).map { rank in
            String(decoding: all[rank * width..<(rank + 1) * width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Such as "epoch 3/20  loss 0.1234  accuracy 96.1 %".
    func line(_ epoch: Training.Epoch) -> String {
        let loss = String(format: "%.4f", epoch.loss)
        let accuracy = String(format: "%.1f", epoch.accuracy * 100)
        return "epoch \(epoch.epoch)/\(epochs)  loss \(loss)  accuracy \(accuracy) %"
    }

    /// Writes a line at once, also into a pipe.
    func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}
