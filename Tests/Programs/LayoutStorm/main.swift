// layout-storm NODE_DIRECTORY SEED OPERATIONS OWN_GPU SHARED_GPU [mortal]
//
// One of several processes that change the layouts of a simulated node at random: applies, jobs with leases, programs
// without, and clients that go past flexmig. Prints a line for each operation. Its own GPU is changed by no other
// process, so after an apply it must be as wanted; the shared one by all. A mortal process kills itself with -9 within
// some applies and takes no leases.
//
// What must never happen is not judged here but by the driver's log, to which this program adds notes under the
// driver's lock: "note-lease" and "note-release" around the time in which a leaf is leased, and "note-applied" with the
// layout of the own GPU after an apply that succeeded.

import DeviceInventory
import Glibc
import MIGModel
import Platform
import SimulatedDriver
import TestSupport

do {
    let words = CommandLine.arguments
    guard words.count >= 6, let seed = UInt64(words[2]), let operations = Int(words[3]), let own = Int(words[4]),
        let shared = Int(words[5])
    else {
        writeToStandardError("usage: layout-storm NODE_DIRECTORY SEED OPERATIONS OWN_GPU SHARED_GPU [mortal]")
        exit(64)
    }
    Environment.set(SimulatedNode.environmentVariable, words[1])
    var storm = try Storm(
        directory: words[1], seed: seed, own: own, shared: shared, isMortal: words.dropFirst(6).first == "mortal")
    for _ in 0..<operations {
        let word = try storm.doSomething()
        _ = try writeSome(ArraySlice((word + "\n").utf8), to: 1)
    }
    try storm.end()
} catch {
    _ = try? writeSome(ArraySlice("failed \(type(of: error)) \(error)\n".replacing("\n", with: " / ").utf8), to: 1)
    _ = try? writeSome(ArraySlice("\n".utf8), to: 1)
    exit(1)
}
