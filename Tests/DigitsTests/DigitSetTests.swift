import DigitsModel
import Testing

struct DigitSetTests {
    private static let line = [String](repeating: "8", count: 64).joined(separator: ",")

    @Test func readsPixelsAndClass() throws {
        let digits = try DigitSet(parsing: "\(Self.line),3\n\n\(Self.line),9\r\n", file: "f")
        #expect(digits.count == 2)
        #expect(digits.classes == [3, 9])
        #expect(digits.pixels(of: 1).count == 64)
        #expect(digits.pixels(of: 1).allSatisfy { $0 == 0.5 })
    }

    @Test func holdsEveryFifthOut() throws {
        let text = (0..<10).map { "\(Self.line),\($0)" }.joined(separator: "\n")
        let (training, heldOut) = try DigitSet(parsing: text, file: "f").split()
        #expect(training.classes == [0, 1, 2, 3, 5, 6, 7, 8])
        #expect(heldOut.classes == [4, 9])
    }

    @Test(arguments: [
        ("", nil, "there are no digits in it"),
        ("\(line),1\n1,2,3", 2, "3 values; 64 pixels and the class are 65"),
        ("\(line),10", 1, "value 65 is \"10\", not an integer from 0 to 9"),
        ("\(line),x", 1, "value 65 is \"x\", not an integer from 0 to 9"),
        ("17,\(line)", 1, "value 1 is \"17\", not an integer from 0 to 16"),
        ("\(line),1\n\n-1,\(line)", 3, "value 1 is \"-1\", not an integer from 0 to 16"),
    ])
    func namesFileLineAndReason(text: String, line: Int?, reason: String) {
        #expect(throws: DigitFileError(file: "my.csv", line: line, reason: reason)) {
            try DigitSet(parsing: text, file: "my.csv")
        }
    }
}
