import Platform
import Runtimes
import TestSupport
import Testing

struct LoaderCacheTests {
    private static let ldconfig = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].first { Files.isExecutable($0) }

    /// Every library that ldconfig lists is found where ldconfig says.
    @Test(.enabled(if: ldconfig != nil && Files.exists(LoaderCache.usualPath)))
    func sameAsLdconfig() throws {
        let run = try CapturedRun(
            try #require(Self.ldconfig), ["-p"], environment: ["LC_ALL": "C"], limit: .seconds(30))
        #expect(run.succeeded)
        let cache = LoaderCache()
        var seen = 0
        for line in run.output.split(separator: "\n").dropFirst() {
            let parts = line.split(separator: " => ")
            guard parts.count == 2, let name = parts[0].split(whereSeparator: \.isWhitespace).first else { continue }
            #expect(cache.paths(of: String(name)).contains(String(parts[1])), "\(line)")
            seen += 1
        }
        #expect(seen > 5, "\(run.output)")
    }

    @Test func whatIsNoCacheIsEmpty() throws {
        let directory = try TemporaryDirectory()
        for text in ["", "ld.so-1.7.0", "glibc-ld.so.cache1.1", "ld.so-1.7.0\0\u{7f}\u{7f}\u{7f}\u{7f}x", "else"] {
            try Files.replace(directory.path("cache"), with: Array(text.utf8))
            #expect(LoaderCache(path: directory.path("cache")).paths(of: "libc.so.6") == [])
        }
        #expect(LoaderCache(path: directory.path("missing")).paths(of: "libc.so.6") == [])
    }
}
