import HalftoneKernels
import KernelSweep
import Testing

/// The kernels in C over all sizes from 1 to 1,100 in each dimension.
///
/// `./halftone arm64` does the same, for fewer sizes, with those of arm64.
struct KernelSweepTests {
    private static let kinds = 0..<Int32(SWEEP_KINDS)

    /// Each number is what its definition says, and the plain form gives the same bits.
    @Test(arguments: kinds)
    func allSizes(kind: Int32) {
        let plain = sweep_run(kind, 0, 1)
        #expect(plain.shapes >= 300)
        for features in Set(Processor.featureSets) {
            let found = features == 0 ? plain : sweep_run(kind, features, 1)
            #expect(
                found.failures == 0,
                "features \(features), sweep \(kind): the first is \(found.first)")
            #expect(found.bits == plain.bits, "features \(features), sweep \(kind)")
        }
    }
}
