// context-holder [--no-context] [--spawn-child] [--become-another] LEAF
//
// Opens a context on a leaf of the simulated node that the environment names, prints "open", and keeps the context
// until its standard input ends; a signal ends it at once.
//   --no-context      opens none, and prints "none" instead of "open"; "seen" when the node shows it all the same
//   --spawn-child     then starts a copy of itself without a context, and prints "child PID"
//   --become-another  then replaces itself by a copy of itself without a context: same process, other program

import Glibc
import Platform
import SimulatedDriver

var arguments = Set(CommandLine.arguments.dropFirst())
let wantsContext = arguments.remove("--no-context") == nil
let spawnsChild = arguments.remove("--spawn-child") != nil
let becomesAnother = arguments.remove("--become-another") != nil

func say(_ line: String) throws { _ = try writeSome(ArraySlice((line + "\n").utf8), to: 1) }

do {
    guard arguments.count == 1, let leaf = arguments.first,
        let directory = Environment.value(SimulatedNode.environmentVariable)
    else {
        writeToStandardError("usage: FLEXMIG_SIMULATED_NODE=DIRECTORY context-holder [options] LEAF")
        exit(64)
    }
    let copy = ["context-holder", "--no-context", leaf]
    let own = try Files.absolute("/proc/self/exe")
    let node = try SimulatedNode(opening: directory)
    let context = wantsContext ? try SimulatedContext(on: leaf, of: node) : nil
    let isSeen = try node.state().computeInstance(uuid: leaf).map { found in
        try node.processes(on: found.compute).contains { $0.process == .current }
    }
    try say(context != nil ? "open" : isSeen == true ? "seen" : "none")
    if spawnsChild {
        let child = ChildProcess(executable: own, arguments: copy, environment: Environment.all())
        try say("child \(try child.spawn())")
    }
    if becomesAnother { try ChildProcess.become(executable: own, arguments: copy, environment: Environment.all()) }
    let input = Descriptor(owning: 0)
    while try input.read(upTo: 4096) != nil {}
    context?.close()
} catch {
    writeToStandardError("\(error)")
    exit(1)
}
