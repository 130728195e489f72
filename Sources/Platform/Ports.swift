import CPlatform
import Glibc

/// A TCP port on the loopback address that nobody listens on now.
///
/// Another process can take it before its user does; the kernel hands numbers out in turn, so this is rare.
public func freePort() throws(SystemError) -> Int {
    let socket = Descriptor(
        owning: try check("socket") {
            Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        })
    let number = socket.number
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try unsafe withUnsafeMutablePointer(to: &address) { pointer throws(SystemError) in
        try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
            try check("bind") { unsafe bind(number, __CONST_SOCKADDR_ARG(__sockaddr__: pointer), size) }
            try check("getsockname") { unsafe getsockname(number, __SOCKADDR_ARG(__sockaddr__: pointer), &size) }
        }
    }
    return Int(UInt16(bigEndian: address.sin_port))
}
