import LeafScheduling
import MIGModel

extension JobCatalog {
    /// The pool of an idle cluster, and for each shape the SMs of its GPU's largest instance.
    func makePool(cluster: SimulatedCluster, model: any ClusterModel) -> (pool: LeafPool, full: [Int], cutOf: [[Int]]) {
        var shapes: [GPUShape] = []
        var full: [Int] = []
        // By part and cut: the shape.
        var shapeOf: [[Int]] = []
        for (number, part) in cluster.parts.enumerated() {
            let geometry = part.model.geometry
            let accepts = classes.map { members in
                { (unit: GPUShape.Unit) in members[number].contains(unit.profile) }
            }
            shapeOf.append([])
            for cut in cuts[number] {
                shapeOf[number].append(shapes.count)
                full.append(geometry.fullMultiprocessors)
                switch cut {
                case .layout(let layout):
                    shapes.append(GPUShape(layout: layout, of: geometry, classes: accepts))
                case .asNeeded(let score):
                    // Only what somebody can ask for is ever cut.
                    let asked = Set(classes.flatMap { $0[number] })
                    let table = CutTable(
                        geometry, using: geometry.plainProfiles.map(\.id).filter { asked.contains($0) })
                    shapes.append(GPUShape(recut: table, score: score, classes: accepts))
                }
            }
        }
        var first = Array(repeating: 0, count: cluster.parts.count)
        let nodes = cluster.nodes.map { part, gpus in
            (0..<gpus).map { _ in
                first[part] += 1
                return shapeOf[part][model.cut(ofGPU: first[part] - 1, in: cluster.parts[part])]
            }
        }
        return (LeafPool(shapes: shapes, nodes: nodes), full, shapeOf)
    }
}
