import CFlexmig
import Collectives

@c @implementation
public func flexmig_work_wait(_ work: flexmig_work?) -> Int32 {
    unsafe withWork(work) { work throws(Failure) in
        try engine { () throws(CollectiveError) in try work.wait() }
    }
}

@c @implementation
public func flexmig_work_test(_ work: flexmig_work?, _ done: UnsafeMutablePointer<Int32>?) -> Int32 {
    unsafe withWork(work) { work throws(Failure) in
        let done = unsafe try required(done, "the place for the answer")
        unsafe done.pointee = work.isDone ? 1 : 0
        if unsafe done.pointee == 1 { try engine { () throws(CollectiveError) in try work.wait() } }
    }
}

@c @implementation
public func flexmig_work_free(_ work: flexmig_work?) -> Int32 {
    guard let work = unsafe work else { return 0 }
    unsafe Unmanaged<CollectiveWork>.fromOpaque(UnsafeRawPointer(work))._withUnsafeGuaranteedRef {
        // The communicator's next call tells the failure again.
        try? $0.wait()
    }
    unsafe release(CollectiveWork.self, work)
    return 0
}
