import Commands
import Testing

/// Amounts as users write them.
struct QuantityTests {
    @Test(arguments: [
        ("9GiB", 9216), ("9216MiB", 9216), ("9GB", 8584), ("1MB", 1), ("9G", 9216), ("512M", 512), ("1.5GiB", 1536),
        ("0.5GiB", 512), ("0.1MiB", 1), ("1e3MiB", 1000), ("4.75GiB", 4864), ("141GB", 134_469),
        ("999999999GiB", 1_023_999_998_976),
        ("9gib", 9216), ("9Gi", 9216),
    ])
    func memory(text: String, mebibytes: Int) throws {
        #expect(try #require(MemoryAmount(argument: text)).mebibytes == mebibytes)
    }

    @Test(arguments: [
        "", "9", "GiB", "9 GiB", " 9GiB", "9GiB ", "-9GiB", "0GiB", "nanGiB", "infGiB", "1e9GiB", "1e999GiB",
        "9TiB", "9KiB", "9B", "9,5GiB", "neunGiB", "9GiBiB",
    ])
    func notMemory(text: String) {
        #expect(MemoryAmount(argument: text) == nil)
    }

    @Test(arguments: [
        ("90", 90.0), ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("0", 0), ("0s", 0), ("1.5h", 5400),
        ("0.25s", 0.25), ("1e2", 100),
    ])
    func time(text: String, seconds: Double) throws {
        #expect(try #require(TimeAmount(argument: text)).seconds == seconds)
    }

    @Test(arguments: [
        "", "s", "m", "-1", "-1s", "5min", "5 m", "1h30m", "nan", "inf", "1e9", "1e999d", "5M", "5w", "zwei",
    ])
    func notTime(text: String) {
        #expect(TimeAmount(argument: text) == nil)
    }

    /// As the help shows a default.
    @Test(arguments: [("10", "10s"), ("0.5", "0.5s"), ("2h", "7200s")])
    func timeAsText(text: String, shown: String) throws {
        #expect("\(try #require(TimeAmount(argument: text)))" == shown)
    }
}
