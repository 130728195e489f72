import CFlexmig
import Collectives

@c @implementation
public func flexmig_get_statistics(
    _ comm: flexmig_comm?, _ statistics: UnsafeMutablePointer<flexmig_statistics>?
) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let statistics = unsafe try required(statistics, "the place for the statistics")
        let size = unsafe statistics.pointee.struct_size
        guard (MemoryLayout<Int>.size...1 << 20).contains(size) else {
            throw .argument("struct_size is \(size); set it to sizeof(flexmig_statistics)")
        }
        var known = flexmig_statistics(communicator.statistics)
        known.struct_size = size
        // Programs that were compiled with another header have a shorter or a longer struct.
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: statistics, count: size)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe withUnsafeBytes(of: &known) { known in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: known.prefix(size)))
        }
    }
}

@c @implementation
public func flexmig_get_waited(
    _ comm: flexmig_comm?, _ waited: UnsafeMutablePointer<UInt64>?, _ count: Int32
) -> Int32 {
    unsafe withCommunicator(comm) { communicator throws(Failure) in
        let waited = unsafe try required(waited, "the place for the times")
        guard Int(count) == communicator.size else {
            throw .argument("there is room for \(count) times; there are \(communicator.size) ranks")
        }
        for (rank, time) in communicator.statistics.waitedFor.enumerated() { unsafe waited[rank] = time }
    }
}

extension flexmig_statistics {
    fileprivate init(_ statistics: CollectiveStatistics) {
        self.init()
        waited_ns = statistics.waited
        straggler = Int32(statistics.straggler ?? -1)
        unsafe withUnsafeMutableBytes(of: &calls) { bytes in
            let kinds = unsafe bytes.bindMemory(to: flexmig_calls.self)
            for kind in CollectiveKind.allCases where kinds.indices.contains(Int(kind.rawValue)) {
                unsafe kinds[Int(kind.rawValue)] = flexmig_calls(statistics[kind])
            }
        }
    }
}

extension flexmig_calls {
    fileprivate init(_ statistics: CollectiveStatistics.Calls) {
        self.init()
        calls = UInt64(statistics.count)
        bytes = UInt64(statistics.bytes)
        unsafe withUnsafeMutableBytes(of: &ways) { bytes in
            let ways = unsafe bytes.bindMemory(to: UInt64.self)
            for way in CollectiveAlgorithm.allCases where ways.indices.contains(Int(way.rawValue)) {
                unsafe ways[Int(way.rawValue)] = UInt64(statistics[way])
            }
        }
    }
}
