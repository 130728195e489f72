import DeviceInventory
import Glibc
import MIGModel
import Platform
import SimulatedDriver
import TestSupport
import Testing

/// How many calls a listing costs the driver, by the simulated library's own count.
struct ListingCostTests {
    /// Calls of a library's functions in this process so far.
    @safe struct Counter {
        private let count: @convention(c) (UnsafePointer<CChar>?, UnsafeMutablePointer<UInt64>?) -> Int32

        init(library: String) throws {
            guard let handle = unsafe dlopen(library, RTLD_NOW),
                let symbol = unsafe dlsym(handle, "flexmigSimulatedCalls")
            else { throw SystemError(call: "dlsym", code: ENOENT, subject: library) }
            unsafe count = unsafe unsafeBitCast(
                symbol, to: (@convention(c) (UnsafePointer<CChar>?, UnsafeMutablePointer<UInt64>?) -> Int32).self)
        }

        func calls(of name: String? = nil) -> Int {
            var value: UInt64 = 0
            if let name { _ = unsafe count(name, &value) } else { _ = unsafe count(nil, &value) }
            return Int(value)
        }
    }

    /// Eight GPUs with seven leaves each, and two such: the calls are proportional to the devices, and no call walks all MIG
    /// devices.
    @Test func callsAreLinear() async throws {
        let large = try NodeFixture("a100-40gb:8")
        let small = try NodeFixture("a100-40gb:2")
        for (fixture, gpus) in [(large, 8), (small, 2)] {
            for gpu in 0..<gpus { for start in 0..<7 { try fixture.makeLeaf(at: start, on: gpu) } }
        }
        await #expect(processExitsWith: .success) { [large = large.path as String, small = small.path as String] in
            do {
                let library = try BuiltProduct.path("libflexmig-simulated-nvml.so")
                let counter = try Counter(library: library)
                /// Calls of a reading, and of asking for the processes of every leaf.
                func cost(of node: String, leaves: Int) throws -> (reading: Int, processes: Int) {
                    Environment.set(SimulatedNode.environmentVariable, node)
                    let backend = try NVMLBackend(library: library)
                    let before = counter.calls()
                    let found = try backend.inventory().leaves
                    let between = counter.calls()
                    if found.count != leaves { Issue.record("\(found.count) leaves, not \(leaves)") }
                    for leaf in found { _ = try backend.processes(on: leaf.uuid) }
                    return (between - before, counter.calls() - between)
                }
                let two = try cost(of: small, leaves: 14)
                let eight = try cost(of: large, leaves: 56)
                // One call is for the number of GPUs, whatever it is.
                if eight.reading - 1 != 4 * (two.reading - 1) { Issue.record("\(two) for 2 GPUs, \(eight) for 8") }
                if eight.reading > 8 * 60 + 56 * 5 { Issue.record("\(eight.reading) calls") }
                if eight.processes != 56 || two.processes != 14 { Issue.record("\(eight), \(two)") }
                for name in ["nvmlDeviceGetMigDeviceHandleByIndex", "nvmlDeviceGetHandleByUUID"]
                where counter.calls(of: name) > 0 {
                    Issue.record("\(name) was called")
                }
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}
