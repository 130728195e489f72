import Foundation
import MIGModel
import Testing

/// The forms that end up in files and answers. Changing one breaks readers.
struct CodingTests {
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private func read<Value: Decodable>(_ json: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }

    @Test func identifiersAreBare() throws {
        #expect(try json([MIGProfile.ID(rawValue: 19)]) == "[19]")
        #expect(try json([GPUInstanceID(rawValue: 7)]) == "[7]")
        #expect(try json([GPUModel.ID(rawValue: "a30-24gb")]) == "[\"a30-24gb\"]")
        #expect(try json([LeafType.fat, .other(profile: "2g.10gb")]) == "[\"fat\",\"2g.10gb\"]")
        #expect(try json([LayoutName.full]) == "[\"full\"]")
        #expect(try json(NodeSpec(parsing: "a30-24gb")) == "\"a30-24gb:1\"")
    }

    @Test func devicesAndLayouts() throws {
        let device = MIGDevice(gpuInstance: 13, computeInstance: 0, uuid: MIGDeviceUUID(rawValue: "MIG-1"))
        let text = "{\"computeInstance\":0,\"gpuInstance\":13,\"uuid\":\"MIG-1\"}"
        #expect(try json(device) == text)
        #expect(try read(text) == device)

        let layout = Layout([MIGSpec(profile: 19, placement: Placement(start: 6, size: 1))])
        #expect(try json(layout) == "{\"specs\":[{\"placement\":{\"size\":1,\"start\":6},\"profile\":19}]}")
    }

    /// A file edited by hand may list instances in any order.
    @Test func decodedLayoutsAreSorted() throws {
        let layout: Layout = try read(
            "{\"specs\":[{\"placement\":{\"size\":1,\"start\":6},\"profile\":19},{\"placement\":{\"size\":2,\"start\":0},\"profile\":14}]}"
        )
        #expect(layout.description == "14@0:2 19@6:1")
    }

    @Test(arguments: GPUModel.all)
    func geometriesComeBackEqual(model: GPUModel) throws {
        #expect(try read(json(model.geometry)) == model.geometry)
    }

    @Test func badNodeSpecsAreRefused() {
        #expect(throws: DecodingError.self) { try read("\"v100:2\"", as: NodeSpec.self) }
    }
}
