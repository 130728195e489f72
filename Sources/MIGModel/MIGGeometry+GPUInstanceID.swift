extension MIGGeometry {
    /// Returns the ID that the driver gives to the wanted instance on a chip without disabled parts, or nil if it can't have one.
    ///
    /// IDs are the nodes of a binary tree over the memory slices: 0 is the whole GPU, 1 and 2 its halves, 3 to 6 the quarters,
    /// 7 to 14 the eighths. So on 8 slices a 1g at slice k gets 7 + k, a 2g or double-memory 1g at 6 gets 6, a 3g at 4 gets 2;
    /// on 4 slices a 1g at slice k gets 3 + k. An ID excludes those above and below it in the tree.
    ///
    /// Source: NVIDIA's open kernel modules for 8 slices; for 4 slices the rule is inferred, and A30 listings agree with it
    /// (1g at 0 to 3: 3 to 6; 2g at 2: 2). Real chips do deviate, with halves swapped or an eighth left out:
    /// this is for simulating a driver, never for guessing what a real one did.
    /// - Parameter taken: IDs that exist already. IDs outside the tree exclude nothing.
    /// - Returns: nil for an unknown profile, an illegal placement, a geometry whose slices form no such tree, or an excluded ID.
    public func gpuInstanceID(for spec: MIGSpec, taken: Set<GPUInstanceID>) -> GPUInstanceID? {
        guard let profile = profile(id: spec.profile), profile.placements.contains(spec.placement),
            let node = treeNode(of: spec.placement),
            !taken.contains(where: { isAbove($0.rawValue, node) || isAbove(node, $0.rawValue) })
        else { return nil }
        return GPUInstanceID(rawValue: node)
    }

    /// The tree node that covers exactly the placement: the nodes of its level come after all larger ones, in slice order.
    private func treeNode(of placement: Placement) -> Int? {
        guard placement.size > 0, placement.start >= 0, placement.end <= memorySlices,
            memorySlices.isMultiple(of: placement.size), placement.start.isMultiple(of: placement.size)
        else { return nil }
        let nodesOfLevel = memorySlices / placement.size
        guard nodesOfLevel.nonzeroBitCount == 1 else { return nil }
        return nodesOfLevel - 1 + placement.start / placement.size
    }

    /// Whether the first node is the second or lies above it.
    private func isAbove(_ ancestor: Int, _ node: Int) -> Bool {
        var node = node
        while node > ancestor, node > 0 { node = (node - 1) / 2 }
        return node == ancestor
    }
}
