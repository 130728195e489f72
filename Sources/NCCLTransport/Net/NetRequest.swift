/// One isend or irecv: what NCCL holds a pointer to until `test` says that it is done.
///
/// NCCL's thread writes it before it counts the request as posted, whoever moves the connection reads it after that,
/// and writes `bytes` before it counts the request as finished: both counts are release and acquire.
@safe package struct NetRequest {
    /// Always alive: NCCL uses no request after it closed the connection.
    let connection: Unmanaged<Connection>
    /// Counted over all requests of the connection.
    var number: UInt64 = 0
    var address: UnsafeMutableRawPointer?
    /// To send; that there is room for, and then that have come.
    var bytes = 0
    var tag: Int32 = 0
    /// Between isend or irecv and the `test` that says done. NCCL's thread alone looks at it.
    var isInUse = false

    /// Requests of a connection that can be under way; NCCL's limit.
    package static let limit = 32
}
