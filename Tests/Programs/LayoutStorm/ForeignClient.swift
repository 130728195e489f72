import CNVML
import Glibc
import MIGModel

/// A client that knows the driver's library and nothing of flexmig, as a script with NVML's Python binding.
///
/// Safe as a value: the functions are called with the C signatures that NVML documents for them.
@safe final class ForeignClient {
    private typealias ByIndex = @convention(c) (UInt32, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    private typealias ByID = @convention(c) (OpaquePointer?, UInt32, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    private typealias CreateAt =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafePointer<CNVMLPlacement>?, UnsafeMutablePointer<OpaquePointer?>?
        ) -> Int32
    private typealias Plain = @convention(c) (OpaquePointer?) -> Int32

    private let handle: UnsafeMutableRawPointer

    struct LoadError: Error { let name: String }

    /// The library is initialised by the backend of the same process.
    init(library: String) throws {
        guard let handle = unsafe dlopen(library, RTLD_NOW | RTLD_LOCAL) else { throw LoadError(name: library) }
        unsafe self.handle = handle
    }

    private func function<Signature>(_ name: String, as type: Signature.Type) -> Signature {
        guard let address = unsafe dlsym(handle, name) else { fatalError("the library has no \(name)") }
        return unsafe unsafeBitCast(address, to: type)
    }

    private func gpu(_ index: Int) -> OpaquePointer? {
        var device: OpaquePointer?
        _ = unsafe function("nvmlDeviceGetHandleByIndex_v2", as: ByIndex.self)(UInt32(index), &device)
        return unsafe device
    }

    /// Creates a GPU instance, at a place or where the driver likes, and compute instances in it.
    func create(gpu index: Int, profile: Int, at place: Placement?, compute: [Int]) -> String {
        var instance: OpaquePointer?
        let code: Int32
        if let place {
            var placement = CNVMLPlacement(start: UInt32(place.start), size: UInt32(place.size))
            code = unsafe function("nvmlDeviceCreateGpuInstanceWithPlacement", as: CreateAt.self)(
                gpu(index), UInt32(profile), &placement, &instance)
        } else {
            code = unsafe function("nvmlDeviceCreateGpuInstance", as: ByID.self)(gpu(index), UInt32(profile), &instance)
        }
        if code != 0 { return "foreign-no-room" }
        for profile in compute {
            var made: OpaquePointer?
            _ = unsafe function("nvmlGpuInstanceCreateComputeInstance", as: ByID.self)(
                instance, UInt32(profile), &made)
        }
        return "foreign-created"
    }

    /// Destroys a GPU instance, or only the devices in it; stops where the driver refuses.
    func destroy(gpu index: Int, id: Int, onlyDevices: Bool) -> String {
        var instance: OpaquePointer?
        guard
            unsafe function("nvmlDeviceGetGpuInstanceById", as: ByID.self)(gpu(index), UInt32(id), &instance) == 0
        else { return "foreign-gone" }
        for number in 0..<8 {
            var compute: OpaquePointer?
            guard
                unsafe function("nvmlGpuInstanceGetComputeInstanceById", as: ByID.self)(
                    instance, UInt32(number), &compute) == 0
            else { continue }
            if unsafe function("nvmlComputeInstanceDestroy", as: Plain.self)(compute) != 0 { return "foreign-in-use" }
        }
        if onlyDevices { return "foreign-emptied" }
        return unsafe function("nvmlGpuInstanceDestroy", as: Plain.self)(instance) == 0
            ? "foreign-destroyed" : "foreign-in-use"
    }
}
