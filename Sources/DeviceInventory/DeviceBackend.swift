import MIGModel
import Platform

/// A node's GPUs, whoever manages them: NVML's driver, or the simulated one behind the same calls.
///
/// Calls block for as long as the driver takes.
public protocol DeviceBackend: Sendable {
    var driver: DriverIdentity { get }

    /// Everything about the node, read anew.
    ///
    /// Costs O(GPUs x profiles + leaves) driver calls.
    /// - Throws: `DeviceError`.
    func inventory() throws(DeviceError) -> NodeInventory

    /// Creates a GPU instance exactly there, with one compute instance over all of it. Leaves nothing behind when it
    /// throws.
    func create(_ spec: MIGSpec, on gpu: GPU) throws(DeviceError) -> MIGDevice

    /// Gives a GPU instance without devices the compute instance that spans it.
    func complete(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> MIGDevice

    /// Destroys a GPU instance and what is in it. The driver refuses while a process runs there; compute instances
    /// that went first stay away until `putBack`.
    ///
    /// - Throws: `DeviceError` of the kind `changed`, before anything is touched, when the instance of that number has
    ///   other devices now: somebody made it anew.
    func destroy(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError)

    /// Makes the compute instances again that destructions of this GPU instance took before the driver refused one: where
    /// one of several is in use, its idle siblings stay. The driver may give them new UUIDs.
    ///
    /// - Returns: how many; 0 where none is missing, and where no device of the instance is left.
    func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int

    /// The processes that have a context on a leaf of the last inventory.
    func processes(on leaf: MIGDeviceUUID) throws(DeviceError) -> [ProcessID]

    /// The driver's events from now on.
    ///
    /// - Throws: `DeviceError`; of kind `notSupported` where there are none, as in the implementation that backends have by default.
    func events() throws(DeviceError) -> any DeviceEventSource
}

extension DeviceBackend {
    /// A backend whose destructions take all or nothing.
    public func putBack(_ instance: GPUInstance, on gpu: GPU) throws(DeviceError) -> Int { 0 }
}

/// A driver's refusal or failure, with what a person can do about it.
public struct DeviceError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        case libraryMissing, driverNotLoaded, noPermission, inUse, gone, notSupported, other
        /// Somebody else has changed the layout meanwhile: the plan does not fit any more.
        case changed
        /// The user wanted it to stop.
        case interrupted
    }
    public let kind: Kind
    public let message: String
    /// The way out; nil where none is known.
    public let advice: String?

    public init(kind: Kind, message: String, advice: String? = nil) {
        self.kind = kind
        self.message = message
        self.advice = advice
    }

    public var description: String { advice.map { "\(message)\n\($0)" } ?? message }
}
