import CNVML
import Glibc
import Platform

/// The functions of an NVML library, found by name with dlsym when they are first needed.
///
/// The library stays loaded for the life of the process: the driver's does not bear dlclose well, and a Swift
/// library that is unmapped crashes its host.
///
/// Safe: the pointers are never given out, and `call` checks that a symbol is there before it is used.
@safe struct NVMLSymbols: @unchecked Sendable {
    // The rule behind @unchecked: `handle` is set once, is never closed, and dlsym may be called from any thread.
    private let handle: UnsafeMutableRawPointer
    let path: String

    /// Loads a library.
    ///
    /// - Throws: `NVMLLoadError` with the dynamic loader's own words.
    init(path: String) throws(NVMLLoadError) {
        guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "unknown reason"
            throw NVMLLoadError(path: path, reason: reason)
        }
        unsafe self.handle = handle
        self.path = path
    }

    /// The address of a function, or nil when this library does not have it (an older driver).
    ///
    /// - Parameter type: must be the C signature that NVML documents for `name`.
    func function<Signature>(_ name: String, as type: Signature.Type) -> Signature? {
        guard let address = unsafe dlsym(handle, name) else { return nil }
        return unsafe unsafeBitCast(address, to: type)
    }
}

/// A library that can't be loaded.
public struct NVMLLoadError: Error, Hashable, Sendable, CustomStringConvertible {
    public let path: String
    /// The dynamic loader's sentence.
    public let reason: String
    public var description: String { "\(path) can't be loaded: \(reason)" }
}

/// The C signatures of the NVML calls in use, by shape.
enum Signature {
    typealias Nothing = @convention(c) () -> Int32
    typealias Text = @convention(c) (UnsafeMutablePointer<CChar>?, UInt32) -> Int32
    typealias Number = @convention(c) (UnsafeMutablePointer<UInt32>?) -> Int32
    typealias DeviceByIndex = @convention(c) (UInt32, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    typealias ObjectText = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, UInt32) -> Int32
    typealias ObjectNumber = @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt32>?) -> Int32
    typealias ObjectTwoNumbers =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<UInt32>?
        ) -> Int32
    typealias ObjectTwoInts =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?
        ) -> Int32
    typealias PCI = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CNVMLPCI>?) -> Int32
    typealias Memory = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CNVMLMemory>?) -> Int32
    typealias Profile = @convention(c) (OpaquePointer?, UInt32, UnsafeMutablePointer<CNVMLGPUInstanceProfile>?) -> Int32
    typealias ProfileV3 =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafeMutablePointer<CNVMLGPUInstanceProfileV3>?
        ) -> Int32
    typealias Placements =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafeMutablePointer<CNVMLPlacement>?, UnsafeMutablePointer<UInt32>?
        ) -> Int32
    typealias CreateAt =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafePointer<CNVMLPlacement>?, UnsafeMutablePointer<OpaquePointer?>?
        ) -> Int32
    typealias Create = @convention(c) (OpaquePointer?, UInt32, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    typealias List =
        @convention(c) (
            OpaquePointer?, UInt32, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<UInt32>?
        ) -> Int32
    typealias Destroy = @convention(c) (OpaquePointer?) -> Int32
    typealias GPUInstance = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CNVMLGPUInstanceRecord>?) -> Int32
    typealias ComputeProfile =
        @convention(c) (
            OpaquePointer?, UInt32, UInt32, UnsafeMutablePointer<CNVMLComputeInstanceProfile>?
        ) -> Int32
    typealias ComputeInstance =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<CNVMLComputeInstanceRecord>?
        ) -> Int32
    typealias Attributes = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CNVMLAttributes>?) -> Int32
    typealias Processes =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<CNVMLProcess>?
        ) -> Int32
    typealias NewHandle = @convention(c) (UnsafeMutablePointer<OpaquePointer?>?) -> Int32
    typealias ObjectLongNumber = @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt64>?) -> Int32
    typealias Register = @convention(c) (OpaquePointer?, UInt64, OpaquePointer?) -> Int32
    typealias Wait = @convention(c) (OpaquePointer?, UnsafeMutablePointer<CNVMLEvent>?, UInt32) -> Int32
}
