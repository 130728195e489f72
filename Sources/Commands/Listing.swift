import ArgumentParser
import FoundationEssentials

/// How a list is printed; shared by every command that lists.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.") var json = false
    @Flag(name: [.long, .short], help: "Print names (UUIDs) only, one a line.") var quiet = false

    func validate() throws {
        if json && quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }
}

/// A table with a heading; columns are as wide as their widest cell.
package struct TextTable {
    package var headings: [String]
    package var rows: [[String]] = []

    package init(_ headings: [String]) { self.headings = headings }

    package func rendered() -> String {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
                separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}

/// JSON as all commands print it: sorted keys, so that two outputs can be compared.
func jsonText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func printJSON(_ value: some Encodable) throws { print(try jsonText(value)) }
