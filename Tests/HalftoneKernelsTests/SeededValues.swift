/// Repeatable values in −1 ..< 1.
func seededValues(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) * 0x1p-23 - 1
    }
}

/// An array that a closure fills through a span, poisoned so that what is not written shows.
func filled(_ count: Int, _ body: (inout MutableSpan<Float>) -> Void) -> [Float] {
    var result = [Float](repeating: .nan, count: count)
    var span = result.mutableSpan
    body(&span)
    return result
}

/// Σ x·y in Double.
func innerProduct(_ x: [Float], _ y: [Float]) -> Double {
    precondition(x.count == y.count)
    return zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// Σ |x·y|, which bounds rounding.
func innerMagnitude(_ x: [Float], _ y: [Float]) -> Double {
    zip(x, y).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
}
