extension LeafPool {
    /// Keeps a single leaf from being handed out, such as one in quarantine, or lets it again. Who has it now keeps it.
    ///
    /// Of a GPU that is cut as needed an instance is withheld with its slices.
    /// - Returns: false, and nothing has changed, where a GPU that is cut has no room for that instance beside the busy ones.
    @discardableResult
    public mutating func setWithheld(_ isWithheld: Bool, unit: LeafUnit) -> Bool {
        let gpu = Int(unit.gpu)
        let bit = UInt64(1) << UInt64(unit.unit)
        guard (withheld[gpu] & bit != 0) != isWithheld else { return true }
        var next = state[gpu]
        if let table = shapes[Int(shapeOf[gpu])].table, busy[gpu] & bit == 0 {
            let at = Int(next)
            guard
                let other = isWithheld
                    ? table.state(at, adding: Int(unit.unit)) : table.state(at, removing: Int(unit.unit))
            else { return false }
            next = Int32(other)
            // An idle instance that lies across it is gone; one that is just this stays, and is not offered.
            if isWithheld { idle[gpu] &= ~table.overlaps[Int(unit.unit)] | bit }
        }
        leave(gpu)
        withheld[gpu] ^= bit
        state[gpu] = next
        enter(gpu)
        forecast.touch(gpu: gpu, node: Int(nodeOf[gpu]))
        return true
    }

    public func isWithheld(_ unit: LeafUnit) -> Bool { withheld[Int(unit.gpu)] & 1 << UInt64(unit.unit) != 0 }

    /// Whether any GPU or leaf is withheld. O(GPUs).
    var withheldAnything: Bool { blocked.contains(true) || withheld.contains { $0 != 0 } }

    /// How many more leaves of a class could be had now if nothing were withheld, GPU or leaf. O(GPUs).
    public func withheldLeaves(of leafClass: LeafClass) -> Int {
        (0..<gpuCount).reduce(0) { sum, gpu in
            guard blocked[gpu] || withheld[gpu] != 0 else { return sum }
            let shape = shapes[Int(shapeOf[gpu])]
            var its = Int(state[gpu])
            if let table = shape.table {
                var rest = withheld[gpu] & ~busy[gpu]
                while rest != 0 {
                    its = table.state(its, removing: rest.trailingZeroBitCount) ?? its
                    rest &= rest &- 1
                }
            }
            return sum + shape.capacity(of: leafClass, busy: busy[gpu], state: its) - room.count(leafClass, gpu)
        }
    }
}
