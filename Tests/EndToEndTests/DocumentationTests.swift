import Foundation
import Platform
import Testing

/// Runs every block marked `sh` in the documentation, page by page, as a reader would type it.
@Suite struct DocumentationTests {
    /// The project's directory, found from where this file was compiled.
    static let root = String(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })

    static let pages: [String] = {
        let manager = FileManager.default
        let inDocs = (manager.enumerator(atPath: "\(root)/docs")?.compactMap { $0 as? String } ?? []).map {
            "docs/\($0)"
        }
        return (["README.md", "CONTRIBUTING.md"] + inDocs).filter { $0.hasSuffix(".md") }.sorted()
    }()

    @Test(arguments: pages) func commandsWork(page: String) throws {
        let text = try Files.readText("\(Self.root)/\(page)")
        let blocks = Self.blocks(in: text, language: "sh")
        if blocks.isEmpty { return }
        let directory = temporaryDirectory("page")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // A reader's `make build` has put the programs beside the tests.
        let script = "set -e\n" + blocks.joined(separator: "\n") + "\nwait\n"
        let outcome = try Program.start(
            "/bin/bash", ["-c", "cd '\(directory)'\n" + script],
            environment: [
                "PATH": "\(Program.directory):" + (Environment.value("PATH") ?? "/usr/bin:/bin"),
                "XDG_RUNTIME_DIR": directory, "HOME": directory,
            ]
        ).wait(limit: .seconds(120))
        #expect(outcome.exitCode == 0, "\(page): \(outcome)")
    }

    /// A picture or page that is linked must be there.
    @Test(arguments: pages) func linksLeadSomewhere(page: String) throws {
        let text = try Files.readText("\(Self.root)/\(page)")
        let directory = page.split(separator: "/").dropLast().joined(separator: "/")
        for match in text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/) {
            let target = String(match.output.1)
            if target.contains("://") { continue }
            #expect(Files.exists("\(Self.root)/\(directory)/\(target)"), "\(page) links to \(target)")
        }
    }

    static func blocks(in text: String, language: String) -> [String] {
        var blocks: [String] = []
        var current: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let block = current {
                    blocks.append(block.joined(separator: "\n"))
                    current = nil
                } else if line == "```\(language)" {
                    current = []
                }
            } else {
                current?.append(line)
            }
        }
        return blocks
    }

    @Test func theTourIsThere() throws {
        let blocks = Self.blocks(in: try Files.readText("\(Self.root)/README.md"), language: "sh")
        #expect(blocks.count >= 5)
        #expect(blocks.contains { $0.contains("digits-training") })
    }
}
