import MIGModel
import Testing

struct NodeSpecTests {
    @Test(arguments: [
        ("one model", "a100-40gb:2", "a100-40gb:2", 2),
        ("count left out", "h200-141gb", "h200-141gb:1", 1),
        ("two models", "a100-40gb:50,h100-80gb:8", "a100-40gb:50,h100-80gb:8", 58),
        ("a model twice, order kept", "a30-24gb:2,a100-80gb,a30-24gb", "a30-24gb:2,a100-80gb:1,a30-24gb:1", 4),
        ("leading zeros", "a30-24gb:008", "a30-24gb:8", 8),
        ("as many as allowed", "h100-80gb-pcie:4096", "h100-80gb-pcie:4096", 4096),
        ("as many as allowed, in two items", "a30-24gb:4095,a30-24gb", "a30-24gb:4095,a30-24gb:1", 4096),
    ])
    func good(what: String, text: String, printed: String, count: Int) throws {
        let spec = try NodeSpec(parsing: text)
        #expect(spec.description == printed, "\(what)")
        #expect(spec.count == count)
        #expect(spec.models.count == count)
        #expect(try NodeSpec(parsing: spec.description) == spec)
    }

    @Test func modelsComeInOrder() throws {
        let spec = try NodeSpec(parsing: "h100-80gb:2,a30-24gb")
        #expect(spec.models.map(\.id) == ["h100-80gb", "h100-80gb", "a30-24gb"])
        #expect(spec.gpus.map(\.count) == [2, 1])
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let word: String
        let text: String
        let item: String
        let reason: NodeSpecError.Reason
        var testDescription: String { word }
    }

    static let bad: [Bad] = [
        Bad(word: "nothing", text: "", item: "", reason: .emptyItem),
        Bad(word: "comma at the end", text: "a30-24gb:1,", item: "", reason: .emptyItem),
        Bad(word: "comma at the start", text: ",a30-24gb", item: "", reason: .emptyItem),
        Bad(word: "two commas", text: "a30-24gb,,a30-24gb", item: "", reason: .emptyItem),
        Bad(word: "unknown model", text: "a30-24gb,v100:2", item: "v100:2", reason: .unknownModel("v100")),
        Bad(word: "capitals", text: "A100-40GB", item: "A100-40GB", reason: .unknownModel("A100-40GB")),
        Bad(word: "space", text: "a30-24gb, a30-24gb", item: " a30-24gb", reason: .unknownModel(" a30-24gb")),
        Bad(word: "count alone", text: ":2", item: ":2", reason: .unknownModel("")),
        Bad(word: "zero", text: "a100-40gb:0", item: "a100-40gb:0", reason: .countBelowOne),
        Bad(word: "negative", text: "a100-40gb:-3", item: "a100-40gb:-3", reason: .countBelowOne),
        Bad(word: "colon without count", text: "a100-40gb:", item: "a100-40gb:", reason: .countNotANumber),
        Bad(word: "word", text: "a100-40gb:two", item: "a100-40gb:two", reason: .countNotANumber),
        Bad(word: "plus sign", text: "a100-40gb:+2", item: "a100-40gb:+2", reason: .countNotANumber),
        Bad(word: "minus sign alone", text: "a100-40gb:-", item: "a100-40gb:-", reason: .countNotANumber),
        Bad(word: "fraction", text: "a100-40gb:1.5", item: "a100-40gb:1.5", reason: .countNotANumber),
        Bad(word: "two counts", text: "a100-40gb:2:3", item: "a100-40gb:2:3", reason: .countNotANumber),
        Bad(word: "too many", text: "a100-40gb:4097", item: "a100-40gb:4097", reason: .tooManyGPUs),
        Bad(word: "too many together", text: "a30-24gb:4096,h100-80gb", item: "h100-80gb", reason: .tooManyGPUs),
        Bad(
            word: "beyond Int", text: "a30-24gb:99999999999999999999", item: "a30-24gb:99999999999999999999",
            reason: .tooManyGPUs),
        Bad(
            word: "largest Int after one", text: "a30-24gb,a30-24gb:9223372036854775807",
            item: "a30-24gb:9223372036854775807", reason: .tooManyGPUs),
    ]

    @Test(arguments: bad)
    func refused(test: Bad) {
        let error = #expect(throws: NodeSpecError.self) { try NodeSpec(parsing: test.text) }
        #expect(error == NodeSpecError(item: test.item, reason: test.reason))
    }

    @Test func errorsNameTheItemAndTheModels() {
        let error = NodeSpecError(item: "v100:2", reason: .unknownModel("v100"))
        #expect(
            error.description
                == "node spec item \"v100:2\": unknown GPU model \"v100\"; write MODEL:COUNT, known models: "
                + "a30-24gb, a100-40gb, a100-80gb, h100-80gb, h100-80gb-pcie, h100-94gb, h100-96gb, h20-96gb, "
                + "gh200-144gb, h200-141gb, b200-180gb, gb200-186gb, b300-269gb, gb300-278gb, rtx-pro-6000-96gb, "
                + "rtx-pro-5000-48gb, rtx-pro-4500-32gb")
        #expect(error.knownModels == GPUModel.all.map(\.id))
    }

    @Test func itemsAreCheckedToo() {
        #expect(throws: NodeSpecError(item: "", reason: .emptyItem)) { try NodeSpec([]) }
        #expect(throws: NodeSpecError(item: "a30-24gb:0", reason: .countBelowOne)) {
            try NodeSpec([NodeSpec.Item(model: .a30, count: 0)])
        }
    }
}
