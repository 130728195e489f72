extension MIGProfile {
    /// The part of the name after the memory size: empty for a plain profile, else `+me`, `+me.all`, `+gfx` or `-me`.
    public var attributes: Substring {
        guard let first = name.firstIndex(where: { $0 == "+" || $0 == "-" }) else { return "" }
        return name[first...]
    }

    /// Returns the name that NVIDIA's tools derive from figures, for drivers that do not answer names.
    ///
    /// The profile's memory is rounded up to eighths of the GPU's, and those eighths of the GPU's whole GiB are rounded to whole GB.
    /// - Parameters:
    ///   - memoryMiB: Memory of the instance in MiB.
    ///   - gpuMemoryMiB: Memory of the whole GPU in MiB.
    ///   - attributes: What to put behind the name, such as `+me`.
    /// - Returns: A name such as `1g.5gb`; nil unless 0 < `memoryMiB` <= `gpuMemoryMiB` < 2^40.
    public static func conventionalName(
        computeSlices: Int, memoryMiB: Int, gpuMemoryMiB: Int, attributes: String = ""
    ) -> String? {
        guard memoryMiB > 0, memoryMiB <= gpuMemoryMiB, gpuMemoryMiB < 1 << 40 else { return nil }
        let eighths = (memoryMiB * 8 + gpuMemoryMiB - 1) / gpuMemoryMiB
        let gpuGiB = (gpuMemoryMiB + 1023) / 1024
        let gigabytes = (eighths * gpuGiB + 4) / 8
        return "\(computeSlices)g.\(gigabytes)gb\(attributes)"
    }

    /// Returns the attributes that an NVML profile index stands for, empty for plain profiles, or nil for an unknown index.
    ///
    /// Source: `NVML_GPU_INSTANCE_PROFILE_*` in `nvml.h` 13.3.
    public static func attributes(index: Int) -> String? {
        switch index {
        case 0x0...0x6, 0x9: ""
        case 0x7, 0x8: "+me"
        case 0xA, 0xB, 0xC, 0x11: "+gfx"
        case 0xD, 0xE: "-me"
        case 0xF, 0x10: "+me.all"
        default: nil
        }
    }
}
