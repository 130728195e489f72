/// Handwritten digits: 8 by 8 pixels each, and which digit it is.
public struct DigitSet: Hashable, Sendable {
    /// Brightness of all digits' pixels, 0 to 1; 64 after 64.
    private var brightness: [Float] = []
    /// What each digit is, 0 to 9.
    public private(set) var classes: [Int] = []

    public var count: Int { classes.count }
    /// The 64 pixels of a digit, row by row.
    public func pixels(of digit: Int) -> ArraySlice<Float> {
        brightness[digit * Self.pixelCount..<(digit + 1) * Self.pixelCount]
    }

    public static let pixelCount = 64
    public static let classCount = 10
    /// The brightest value in a file.
    private static let brightest = 16
}

/// A file of digits that can't be used.
public struct DigitFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let file: String
    /// From 1; nil when the error is not about a line.
    public let line: Int?
    public let reason: String

    public init(file: String, line: Int? = nil, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    public var description: String { line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)" }
}

extension DigitSet {
    /// Reads lines of 65 comma-separated integers: 64 pixels of 0 to 16, row by row, and the class, 0 to 9. Empty
    /// lines are skipped.
    ///
    /// - Parameter file: the name that errors show.
    public init(parsing text: String, file: String) throws(DigitFileError) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy(\.isWhitespace) { continue }
            do throws(Complaint) {
                try append(line)
            } catch {
                throw DigitFileError(file: file, line: index + 1, reason: error.reason)
            }
        }
        if count == 0 { throw DigitFileError(file: file, reason: "there are no digits in it") }
    }

    private struct Complaint: Error { let reason: String }

    private mutating func append(_ line: Substring) throws(Complaint) {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == Self.pixelCount + 1 else {
            throw Complaint(
                reason: "\(fields.count) values; \(Self.pixelCount) pixels and the class are \(Self.pixelCount + 1)")
        }
        var values: [Int] = []
        for field in fields {
            let highest = values.count < Self.pixelCount ? Self.brightest : Self.classCount - 1
            let digits = field.filter { !$0.isWhitespace }
            guard let value = Int(digits), (0...highest).contains(value) else {
                throw Complaint(
                    reason: "value \(values.count + 1) is \"\(digits)\", not an integer from 0 to \(highest)")
            }
            values.append(value)
        }
        classes.append(values.removeLast())
        brightness += values.map { Float($0) / Float(Self.brightest) }
    }

    /// Two parts: every fifth digit, the fifth of the file first, is held out of training, so that the accuracy is
    /// measured on digits that the model has never seen.
    public func split() -> (training: DigitSet, heldOut: DigitSet) {
        (part { $0 % 5 != 4 }, part { $0 % 5 == 4 })
    }

    private func part(_ isIn: (Int) -> Bool) -> DigitSet {
        var part = DigitSet()
        for digit in 0..<count where isIn(digit) {
            part.brightness += pixels(of: digit)
            part.classes.append(classes[digit])
        }
        return part
    }
}
