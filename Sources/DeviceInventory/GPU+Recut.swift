import MIGModel

extension GPU {
    /// What may be re-cut on this GPU.
    ///
    /// - Parameter stays: whether a leaf must stay as it is: it is held, has a process, is quarantined or somebody else's. A GPU instance
    ///   with one such leaf is busy.
    public func recutState(_ stays: (MIGDeviceUUID) throws -> Bool) rethrows -> RecutState {
        RecutState(
            geometry: geometry,
            instances: try instances.map { instance in
                if try instance.devices.contains(where: { try stays($0.uuid) }) { return .init(instance.spec, .busy) }
                let isWhole = instance.devices.count == 1 && leavesAreWhole(in: instance)
                return .init(instance.spec, isWhole ? .idle : .unfit)
            })
    }

    /// The steps of a re-cut, which does nothing to whatever else is on this GPU, however it was cut.
    ///
    /// - Returns: a refusal where MIG mode is off, or an instance that has to go is not there any more.
    public func plan(_ recut: Recut) -> Result<LayoutPlan, LayoutRefusal> {
        guard migMode.isOn else { return .failure(.migModeOff(gpu: index, mode: migMode, MIGModeSwitch(self))) }
        let destroyed = instances.filter { recut.destroyed.contains($0.spec) }
        guard destroyed.count == recut.destroyed.count else {
            return .failure(.illegal(gpu: index, reason: "an instance that was to make room is not there any more"))
        }
        return .success(
            LayoutPlan(
                gpu: self, wanted: recut.layout, kept: instances.filter { !recut.destroyed.contains($0.spec) },
                steps: destroyed.map(LayoutStep.destroy) + recut.created.map(LayoutStep.create)))
    }
}

extension LayoutChange {
    /// What may be re-cut on each GPU of the node now, in the inventory's order: whatever is leased, has a process, is quarantined or is
    /// not flexmig's stays. A GPU without MIG, or one that is as a whole somebody else's or quarantined, can give nothing.
    ///
    /// What is idle here can be held a moment later: the steps are done by whoever changes layouts, who looks again.
    public func recutStates(of inventory: NodeInventory) throws -> [RecutState] {
        let standings = try ledger.standings()
        return try inventory.gpus.map { gpu in
            guard gpu.migMode.isOn, standings.standing(of: gpu.uuid).isAvailable else {
                return RecutState(
                    geometry: MIGGeometry(memorySlices: 0, computeSlices: 0, profiles: []), instances: [])
            }
            return try gpu.recutState { leaf in
                guard standings.standing(of: leaf, on: gpu.uuid).isAvailable, try ledger.state(of: leaf) == .free else {
                    return true
                }
                do throws(DeviceError) {
                    return try !backend.processes(on: leaf).isEmpty
                } catch {
                    guard error.kind == .gone else { throw error }
                    return true
                }
            }
        }
    }
}
