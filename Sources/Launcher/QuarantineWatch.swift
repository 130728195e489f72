import DeviceInventory
import MIGModel
import Platform

/// Tells a supervisor when somebody changes owners or quarantines.
struct QuarantineWatch {
    private let ledger: Ledger
    /// nil where the system has no watch left: then nothing is told.
    private let directory: DirectoryWatch?

    init(_ ledger: Ledger) {
        self.ledger = ledger
        directory = try? DirectoryWatch(ledger.directory)
    }

    /// Readable when something may have changed; -1 for never.
    var number: CInt { directory?.number ?? -1 }

    /// Whether a file of the ledger was replaced since the last call.
    var hasChanged: Bool { (try? directory?.drain()) ?? false }

    /// The quarantine of a leaf or of its GPU; nil for none, and where the ledger can't be read.
    func quarantine(of leaf: MIGDeviceUUID, on gpu: GPUUUID) -> Quarantine? {
        (try? ledger.standings())?.standing(of: leaf, on: gpu).quarantine
    }
}
