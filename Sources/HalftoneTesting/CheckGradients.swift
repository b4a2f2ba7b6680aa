import HalftoneKernels
import HalftoneTensor

/// Holds an operation's values and gradients to its definition in Double.
///
/// The definition is differentiated by central differences with `h = 2⁻¹⁶ · max(1, |x|)`: they are
/// off by `h²/6 · f‴ ≈ 4·10⁻¹¹ · f‴` and by `2⁻⁵³ / h ≈ 7·10⁻¹²` of the values, both far below the
/// `2⁻²⁴` that one rounding to float32 is off by. Gradients are those of a sum of the results with
/// random weights `u`; the bound of one is `roundings · 2⁻²⁴` times `Σ |u·∂y/∂x|`, the largest of
/// the same input included, since what cancels is rounded too. Values are held to the same number
/// of roundings of `|y| + Σ |x·∂y/∂x|`.
///
/// - Parameters:
///   - subject: The operation, for the message.
///   - inputs: Away from kinks and jumps by more than `h`.
///   - roundings: How many float32 roundings a result passes, with the terms of its longest sum.
///   - seed: Of the weights.
///   - operation: What is held.
///   - reference: Its definition on row-major elements.
/// - Returns: A sentence for each check that failed; a test expects none.
public func checkGradients(
    _ subject: String, at inputs: [Tensor], roundings: Double, seed: UInt64 = 1,
    _ operation: ([Tensor]) -> Tensor, reference: ([[Double]]) -> [Double]
) -> [String] {
    let points = inputs.map { $0.elements.map(Double.init) }
    let values = reference(points)
    let tracked = inputs.map { $0.tracked() }
    let result = operation(tracked)
    let plain = operation(inputs)
    guard result.count == values.count else {
        return ["\(subject): \(result.count) values, \(values.count) expected"]
    }
    var failures: [String] = []
    if plain.isTracked { failures.append("\(subject): records without being asked") }
    if plain.elements != result.elements {
        failures.append("\(subject): recording changes the values")
    }
    let weights =
        Tensor.uniform(result.shape, in: 0.5...1.5, seed: seed)
        * (Tensor.uniform(result.shape, seed: seed + 1).sign() + 0.125).sign()
    let gradients = result.gradients(for: tracked, upstream: weights)

    let unit = roundings * 0x1p-24
    var sizes = values.map(\.magnitude)
    for (number, input) in inputs.enumerated() {
        var expected: [Double] = []
        var terms: [Double] = []
        for element in 0..<input.count {
            let x = points[number][element]
            let step = 0x1p-16 * max(1, x.magnitude)
            var (above, below) = (points, points)
            above[number][element] += step
            below[number][element] -= step
            let slopes = zip(reference(above), reference(below)).map { ($0 - $1) / (2 * step) }
            expected.append(
                slopes.indices.reduce(0.0) { $0 + slopes[$1] * Double(weights.elements[$1]) })
            terms.append(
                slopes.indices.reduce(0.0) {
                    $0 + (slopes[$1] * Double(weights.elements[$1])).magnitude
                })
            for index in slopes.indices { sizes[index] += (slopes[index] * x).magnitude }
        }
        let largest = terms.max() ?? 0
        failures += checkClose(
            gradients[number].elements.array, expected,
            within: terms.map { unit * ($0 + largest) + 0x1p-40 },
            "\(subject): gradient of input \(number)")
    }
    failures += checkClose(
        result.elements.array, values, within: sizes.map { unit * $0 + 0x1p-40 },
        "\(subject): values")
    return failures
}
