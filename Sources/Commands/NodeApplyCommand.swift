import ArgumentParser
import DeviceInventory
import LayoutFiles
import MIGModel
import Platform
import SimulatedDriver

struct NodeApplyCommand: ParsableCommand {
    static let savedLayout = "/etc/flexmig/layout.yaml"

    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Bring GPUs to what is wanted; instances in use are never touched.",
        discussion: """
            Does exactly what flexmig node plan shows. Nothing at all is changed when one of the GPUs can't have what is \
            wanted, or when an instance that would have to go is leased or has a process. One that only the driver \
            says is in use is tried again for a while, and then left alone. When apply stops half-way it says what was \
            done, and the same command goes on from there. MIG mode is never switched.

            EXAMPLES
              flexmig node apply --layout thin
              flexmig node apply --file layout.yaml --gpu 0
              flexmig node apply --file mig-parted.yaml --config all-1g.10gb
              flexmig node export --output /etc/flexmig/layout.yaml
              flexmig node apply --at-boot
            """)

    @OptionGroup var wanted: WantedOptions
    @Flag(help: "Print what would be done, and do nothing.")
    var dryRun = false
    @Option(help: "How long to try again while the driver has an instance in use, such as 30s.")
    var wait = TimeAmount(seconds: 2)
    @Flag(
        help: ArgumentHelp(
            "Wait for the driver and its GPUs, then restore the layout of \(savedLayout), or of --file. "
                + "FLEXMIG_LAYOUT_FILE names another one."))
    var atBoot = false
    @Option(help: "How long --at-boot waits for the driver.")
    var driverWait = TimeAmount(seconds: 300)
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if !atBoot { try wanted.requireOne() }
    }

    func run() throws {
        let saved = Environment.value("FLEXMIG_LAYOUT_FILE") ?? Self.savedLayout
        var wantedNode: WantedNode
        do throws(LayoutFileError) {
            wantedNode = try wanted.wanted(otherwise: saved)
        } catch {
            guard atBoot, error.cause?.isNotFound == true else { throw error }
            throw CommandFailure(
                CommandExit.input,
                "\(error)\nSave what is there now with: flexmig node export --output \(wanted.file ?? saved)")
        }
        let access = atBoot ? try openWhenReady(&wantedNode) : try node.open()
        let work = try LayoutWork(access: access, wanted: wantedNode, gpus: wanted.gpus)
        let words =
            ["flexmig node apply"] + (wanted.layout.map { ["--layout \($0)"] } ?? ["--file \(wantedNode.source)"])
        try work.applyAndReport(
            command: words.joined(separator: " "), dryRun: dryRun, patience: wait.duration, output: output)
    }

    /// Opens the node as soon as the driver answers and has the GPUs that are wanted. Those that don't come in time keep the
    /// others not waiting any longer.
    private func openWhenReady(_ wanted: inout WantedNode) throws -> NodeAccess {
        let deadline = ContinuousClock.now + driverWait.duration
        var hasSaid = false
        while true {
            let reason: any Error
            do {
                let access = try node.open()
                let inventory = try access.backend.inventory()
                let gpus = inventory.gpus
                if gpus.isEmpty { throw DeviceError(kind: .driverNotLoaded, message: "the driver shows no GPU") }
                wanted.skipsMissing = ContinuousClock.now >= deadline
                _ = try wanted.instances(on: gpus, lost: inventory.lost)
                return access
            } catch let error as DeviceError where [.libraryMissing, .driverNotLoaded, .gone].contains(error.kind) {
                reason = error
            } catch let error as WantedNodeError where error.isMissing {
                reason = error
            } catch let error as SimulatedNodeError {
                reason = error
            }
            if ContinuousClock.now >= deadline { throw reason }
            if !hasSaid { writeToStandardError("flexmig: waiting for the driver: \(reason)") }
            hasSaid = true
            pause(for: .milliseconds(250))
        }
    }
}

extension TimeAmount {
    var duration: Duration { .seconds(seconds) }
}
