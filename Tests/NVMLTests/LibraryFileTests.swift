import Platform
import SimulatedDriver
import TestSupport
import Testing

/// What readelf says of a built library.
enum ELF {
    /// Where readelf is; nil on a machine without it.
    static var reader: String? { try? ChildProcess.locate("readelf", path: Environment.value("PATH")) }

    /// The defined names that other libraries can see; nil without readelf.
    static func exportedNames(of product: String) throws -> Set<String>? {
        guard let lines = try output(["--dyn-syms", "--wide"], of: product) else { return nil }
        // Num: Value Size Type Bind Vis Ndx Name
        return Set(
            lines.map { $0.split(separator: " ") }.compactMap { fields in
                guard fields.count == 8, fields[4] == "GLOBAL" || fields[4] == "WEAK", fields[6] != "UND" else {
                    return nil
                }
                return String(fields[7].prefix { $0 != "@" })
            })
    }

    /// The names of the libraries that it needs.
    static func neededLibraries(of product: String) throws -> [String]? {
        try output(["--dynamic", "--wide"], of: product)?.filter { $0.contains("(NEEDED)") }
            .compactMap { $0.split(whereSeparator: { "[]".contains($0) }).dropFirst().first.map(String.init) }
    }

    /// Whether the library asks to stay mapped after dlclose.
    static func staysMapped(_ product: String) throws -> Bool? {
        try output(["--dynamic", "--wide"], of: product)?.contains { $0.contains("FLAGS_1") && $0.contains("NODELETE") }
    }

    private static func output(_ options: [String], of product: String) throws -> [String]? {
        guard let reader else { return nil }
        let pipe = try Pipe()
        var child = ChildProcess(
            executable: reader, arguments: [reader] + options + [try BuiltProduct.path(product)],
            environment: ["LC_ALL": "C"])
        child.descriptors = [(pipe.writeEnd.number, 1)]
        let process = try child.spawn()
        let text = try readToEnd(pipe)
        #expect(try waitForEnd(of: process) == .exited(code: 0))
        return text.split(separator: "\n").map(String.init)
    }

    private static func readToEnd(_ pipe: consuming Pipe) throws -> String {
        pipe.writeEnd = try Descriptor.open("/dev/null", .writeOnly)
        return String(decoding: try pipe.readEnd.readAll(), as: UTF8.self)
    }
}

/// The library as a file that foreign programs load.
@Suite(.enabled(if: ELF.reader != nil, "readelf of the binutils is not installed"))
struct LibraryFileTests {
    static let product = "libflexmig-simulated-nvml.so"

    @Test func onlyItsOwnNamesAreVisible() throws {
        let names = try #require(try ELF.exportedNames(of: Self.product))
        #expect(names.count > 50)
        #expect(names.filter { !$0.hasPrefix("nvml") }.sorted() == ["flexmigSimulatedCalls", "flexmigSimulatedNode"])
    }

    /// The Swift runtime is inside: a program without Swift can load it anywhere.
    @Test func onlyTheSystemsLibrariesAreNeeded() throws {
        let needed = try #require(try ELF.neededLibraries(of: Self.product))
        let allowed = ["libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux"]
        #expect(!needed.isEmpty)
        #expect(needed.filter { name in !allowed.contains { name.hasPrefix($0) } }.isEmpty)
    }

    @Test func itStaysMapped() throws {
        #expect(try ELF.staysMapped(Self.product) == true)
    }
}

struct ReloadingTests {
    /// A Swift library that is unmapped crashes its host at the next dynamic cast; foreign programs do dlclose.
    @Test func closingAndOpeningAgainWorks() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            for turn in 0..<3 {
                withClient(of: path) { client in
                    expect(client.number("nvmlDeviceGetCount_v2"), 1, "count in turn \(turn)")
                    expect(client.create(19, at: turn, size: 1, on: client.gpu()).code, Answer.success)
                    let any: any Sendable = turn
                    expect(any as? Int, turn, "a dynamic cast of this program")
                }
                // `withClient` opens it once more each time; close all that were opened here.
                let again = try RawLibrary(path: try BuiltProduct.path("libflexmig-simulated-nvml.so"))
                expect(again.close() && again.close(), true, "dlclose")
            }
        }
        #expect(try fixture.node.state().gpus[0].instances.count == 3)
    }

    /// A user who forgot to end the session before dlclose finds it again: the library never went away.
    @Test func anOpenSessionSurvivesClosing() async throws {
        let fixture = try NodeFixture()
        await #expect(processExitsWith: .success) { [path = fixture.path as String] in
            withClient(of: path, initialized: false) { client in
                expect(client.code("nvmlInit_v2"), Answer.success)
                expect(client.library.close(), true)
                let again = Client(library: try RawLibrary(path: try BuiltProduct.path("libflexmig-simulated-nvml.so")))
                expect(again.number("nvmlDeviceGetCount_v2"), 1)
                expect(again.code("nvmlShutdown"), Answer.success)
            }
        }
    }
}
