import HalftoneFormats
import HalftoneMethods
import HalftoneQuantization
import Testing

/// Rounding of activations, and thresholds of channels; whole models are measured by the
/// reproduction, and `HalftoneTransformsTests` hold what is moved to the function of the model.
@Suite struct OutlierSuppressionPlusTests {
    /// Half a step and the rounding of a few float operations.
    @Test(
        arguments: [2, 4, 6, 8],
        [
            (true, ActivationRounding.Scope.token), (false, .token),
            (true, .tensor), (false, .tensor),
        ])
    func valuesMoveByHalfAStep(bits: Int, kind: (Bool, ActivationRounding.Scope)) {
        let rounding = ActivationRounding(bits: bits, isSymmetric: kind.0, scope: kind.1)
        let values: [Float] = [0, 0.3, -1, 2, 0, 7, -0.1, 0.9]
        var rounded = values
        rounding.round(&rounded, width: 4)
        let runs = kind.1 == .tensor ? [0..<8] : [0..<4, 4..<8]
        for run in runs {
            let (least, most) = (values[run].min() ?? 0, values[run].max() ?? 0)
            let largest = max(most, -least)
            let step =
                kind.0
                ? largest / Float((1 << (bits - 1)) - 1) : (most - least) / Float((1 << bits) - 1)
            let zero = kind.0 ? 0 : (-least / step).rounded(.toNearestOrEven)
            let (low, high) =
                kind.0
                ? (-largest, largest)
                : (-zero * step, (Float((1 << bits) - 1) - zero) * step)
            for index in run {
                // An affine range is moved so that 0 is a level; what lies beyond goes to its end.
                let wanted = min(max(values[index], low), high)
                #expect((rounded[index] - wanted).magnitude <= step / 2 * 1.0001)
                #expect(values[index] != 0 || rounded[index] == 0, "0 is exact")
            }
            #expect(Set(rounded[run].map { ($0 / step).rounded() }).count <= 1 << bits)
        }
    }

    @Test func offsetsAndFactorsAreTakenBack() {
        let rounding = ActivationRounding(bits: 8, isSymmetric: true, scope: .tensor)
        // Two channels, at 50 ± 1 and at ± 1: with offset and factor both are rounded finely.
        let values: [Float] = [51, 0.5, 49, -1, 50.2, 1, 49.7, 0.25]
        var plain = values
        rounding.round(&plain, width: 2)
        var centred = values
        rounding.round(&centred, width: 2, offsets: [50, 0], factors: [1, 1])
        for index in values.indices {
            // A step of 1/127, and float32 at 50.
            #expect((centred[index] - values[index]).magnitude <= 0.5 / 127 + 4e-6)
        }
        let worst = zip(plain, values).map { ($0 - $1).magnitude }.max() ?? 0
        #expect(worst > 0.1, "a step of 51/127 without")
    }

    @Test func zerosStayZeros() {
        for isSymmetric in [true, false] {
            let rounding = ActivationRounding(bits: 4, isSymmetric: isSymmetric, scope: .token)
            var values = [Float](repeating: 0, count: 6)
            rounding.round(&values, width: 3)
            #expect(values == [0, 0, 0, 0, 0, 0])
            var none: [Float] = []
            rounding.round(&none, width: 3)
            #expect(none.isEmpty)
        }
    }
}
