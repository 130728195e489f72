import Glibc
import Platform

/// The version of a libnccl by loading it and calling `ncclGetVersion`.
public enum NCCLProbe {
    /// Loads the library into this process, for good.
    ///
    /// - Throws: `RuntimeRefusal` with the loader's words, or when it has no such function.
    public static func versionByLoading(_ path: String) throws(RuntimeRefusal) -> NCCLVersion {
        typealias GetVersion = @convention(c) (UnsafeMutablePointer<CInt>?) -> CInt
        guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw RuntimeRefusal(unsafe dlerror().map { unsafe String(cString: $0) } ?? "\(path) can't be loaded")
        }
        guard let address = unsafe dlsym(handle, "ncclGetVersion") else {
            throw RuntimeRefusal("\(path) has no ncclGetVersion: it is not NCCL")
        }
        // The signature that nccl.h declares.
        let getVersion = unsafe unsafeBitCast(address, to: GetVersion.self)
        var code: CInt = 0
        guard unsafe getVersion(&code) == 0, let version = NCCLVersion(code: Int(code)) else {
            throw RuntimeRefusal("ncclGetVersion of \(path) answers \(code)")
        }
        return version
    }

    /// The same in a child process, which may fail; nil when it does.
    ///
    /// - Parameter program: the path of `flexmig`.
    static func versionInChild(_ path: String, program: String, environment: [String: String]) -> NCCLVersion? {
        let run = try? CapturedRun(
            program, ["self-test", "nccl", path], environment: environment, limit: .seconds(30))
        guard let run, run.succeeded else { return nil }
        return NCCLVersion(run.output)
    }
}
