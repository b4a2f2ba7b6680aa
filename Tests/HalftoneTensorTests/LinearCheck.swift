import HalftoneTensor

/// Holds the gradient of a linear operation to its definition: `⟨gradient, v⟩ = ⟨g, f(v)⟩` for any
/// `v`, which for a linear operation is what differences of any step give.
///
/// - Parameters:
///   - shape: Of the input.
///   - terms: The most products that one output or one gradient adds up.
///   - operation: Linear, without a constant part.
/// - Returns: A sentence for each check that failed.
func checkLinear(
    _ shape: [Int], terms: Int, seed: UInt64 = 1, _ operation: (Tensor) -> Tensor
) -> [String] {
    let x = Tensor.uniform(shape, seed: seed).tracked()
    let y = operation(x)
    let g = Tensor.uniform(y.shape, seed: seed + 1)
    let gradient = y.gradients(for: [x], upstream: g)[0]
    var failures: [String] = []
    for round in 0..<4 as Range<UInt64> {
        let v = Tensor.uniform(shape, seed: seed + 2 + round)
        let image = operation(v)
        let (left, size) = product(gradient, v)
        let (right, otherSize) = product(g, image)
        // Each element of either side rounds `terms` times.
        let bound = Double(2 * terms + 8) * 0x1p-24 * (size + otherSize) + 1e-30
        if !(abs(left - right) <= bound) {
            failures.append("\(shape): ⟨gradient, v⟩ \(left), ⟨g, f(v)⟩ \(right) ± \(bound)")
        }
    }
    return failures
}

/// Σ a·b and Σ |a·b| in Double.
func product(_ a: Tensor, _ b: Tensor) -> (sum: Double, size: Double) {
    precondition(a.shape == b.shape)
    return zip(a.elements, b.elements).reduce(into: (0, 0)) { result, pair in
        let term = Double(pair.0) * Double(pair.1)
        result.0 += term
        result.1 += abs(term)
    }
}
