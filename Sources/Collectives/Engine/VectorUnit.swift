import CReduction
import Platform

/// The vector unit that the reductions use: the best one of the processor, or a lesser one named by
/// `FLEXMIG_VECTOR=baseline|avx2|avx512`, for tests and for finding faults.
package enum VectorUnit {
    /// A level of `CReduction.h`. All levels give the same bits.
    package static let level: Int32 = {
        let best = creduction_best_level()
        guard let wanted = Environment.value("FLEXMIG_VECTOR") else { return best }
        return (0...best).first { unsafe String(cString: creduction_level_name($0)) == wanted } ?? best
    }()

    package static var name: String { unsafe String(cString: creduction_level_name(level)) }
}
