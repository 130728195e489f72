import CollectiveBenchmark
import Testing

struct SizeListTests {
    @Test(arguments: [
        ("8", 8, [8]),
        ("8,1K,32K,1M,32M,256M", 8, [8, 1024, 32768, 1 << 20, 32 << 20, 256 << 20]),
        ("8:64", 2, [8, 16, 32, 64]),
        ("8:100", 4, [8, 32, 100]),
        ("1k:1k", 2, [1024]),
        ("2G,8:16,8", 2, [2 << 30, 8, 16]),
    ])
    func sizes(text: String, factor: Int, sizes: [Int]) throws {
        #expect(try SizeList(text).bytes(factor: factor) == sizes)
    }

    @Test(arguments: [
        "", "8,", "x", "8x", "-8", "0", "K", "8:", ":8", "8:16:32", "16:8", "9999999999999999999", "+8", "٣",
    ])
    func nonsense(text: String) {
        #expect(throws: SizeList.Problem.self) { try SizeList(text) }
    }

    @Test(arguments: [
        (0, "0"), (8, "8"), (1000, "1000"), (1024, "1K"), (3 << 20, "3M"), (1 << 30, "1G"), (1025, "1025"),
    ])
    func text(bytes: Int, text: String) { #expect(SizeList.text(bytes) == text) }
}
