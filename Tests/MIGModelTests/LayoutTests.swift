import MIGModel
import Testing

struct LayoutTests {
    private func spec(_ profile: MIGProfile.ID, _ start: Int, _ size: Int) -> MIGSpec {
        MIGSpec(profile: profile, placement: Placement(start: start, size: size))
    }

    @Test func orderDoesNotMatter() {
        let specs = [spec(20, 0, 1), spec(19, 0, 1), spec(9, 4, 4), spec(14, 0, 2), spec(19, 2, 1)]
        let layout = Layout(specs)
        #expect(layout == Layout(specs.reversed()))
        #expect(layout.description == "19@0:1 20@0:1 14@0:2 19@2:1 9@4:4")
        #expect(layout.memorySlices == 9)
    }

    @Test func describesByNameOnAGeometry() {
        let geometry = GPUModel.a100With40GB.geometry
        let layout = Layout([spec(19, 0, 1)]).adding(spec(47, 1, 1))
        #expect(layout.description(on: geometry) == "1g.5gb@0:1 47@1:1")
        #expect(Layout([]).description(on: geometry) == "empty")
        #expect(Layout([]).description == "empty")
    }

    @Test func sumsNeedEveryFigure() {
        var geometry = GPUModel.a100With40GB.geometry
        let layout = Layout([spec(19, 0, 1), spec(14, 2, 2)])
        #expect(geometry.memoryMiB(of: layout) == 14720)
        #expect(geometry.multiprocessors(of: layout) == 42)
        #expect(geometry.memoryMiB(of: Layout([])) == 0)
        #expect(geometry.memoryMiB(of: Layout([spec(47, 0, 1)])) == nil)
        for row in geometry.profiles.indices where geometry.profiles[row].id == 14 {
            geometry.profiles[row].memoryMiB = nil
        }
        #expect(geometry.memoryMiB(of: layout) == nil)
        #expect(geometry.multiprocessors(of: layout) == 42)
    }
}
