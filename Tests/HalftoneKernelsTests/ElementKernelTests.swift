import HalftoneKernels
import Testing

/// Functions with a kernel in C, whose loops in Swift are the reference.
private let functions: [any ElementFunction] = [
    Functions.Exponential(), Functions.HyperbolicTangent(), Functions.Sigmoid(),
    Functions.SigmoidLinearUnit(), Functions.GaussianErrorUnit(), Functions.GaussianTanhUnit(),
]

private let lengths = [1, 7, 8, 9, 15, 16, 17, 31, 33, 1023]

/// Numbers of every size, the ends included.
private func numbers(_ count: Int, seed: UInt64) -> FloatArray {
    let ends: [Float] = [
        0, -0.0, .infinity, -.infinity, .nan, 0x1p-149, -0x1p-140, 0.624_999, 0.625, 88.7, -87.4,
        104, -104, 1e30, -1e30, 3.4e38,
    ]
    let sizes: [Float] = [1, 1e-3, 10, 100]
    return FloatArray(
        seededValues(count, seed: seed).enumerated().map { place, value in
            place % 5 == 4 ? ends[place / 5 % ends.count] : value * sizes[place % sizes.count]
        })
}

/// A function of eight numbers at a time, of any length.
private func eightAtATime(
    _ x: FloatArray, _ y: FloatArray, _ body: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
) -> [UInt32] {
    stride(from: 0, to: x.count, by: 8).flatMap { start in
        let count = min(8, x.count - start)
        var (a, b) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        for lane in 0..<count { (a[lane], b[lane]) = (x[start + lane], y[start + lane]) }
        let result = body(a, b)
        return (0..<count).map { patterns(result[$0]) }
    }
}

/// The bits of a number; all NaNs are one.
private func patterns(_ value: Float) -> UInt32 { value.isNaN ? ~0 : value.bitPattern }

@Suite struct ElementKernelTests {
    @Test(arguments: functions.indices, lengths)
    func kernelsAndLoopsGiveTheSameBits(function: Int, length: Int) throws {
        let function = functions[function]
        #expect(type(of: function).kernel != nil)
        let (x, g) = (numbers(length, seed: 1), FloatArray(seededValues(length, seed: 2)))
        var values = x
        Elements.map(function, &values)
        #expect(values.map(patterns) == eightAtATime(x, x) { x, _ in function.value(x) })
        var slopes = g
        Elements.pullback(function, &slopes, kept: x)
        #expect(slopes.map(patterns) == eightAtATime(g, x) { function.pullback($0, $1) })
    }

    @Test(arguments: lengths)
    func gatedUnitsGiveTheSameBits(length: Int) {
        let function = PairFunctions.GatedSigmoidUnit()
        let (gate, up) = (numbers(length, seed: 3), FloatArray(seededValues(length, seed: 4)))
        let g = FloatArray(seededValues(length, seed: 5))
        let whole = Broadcast([length], [length], shape: [length])
        let values = Elements.combine(function, whole, gate, up)
        #expect(values.map(patterns) == eightAtATime(gate, up) { function.value($0, $1) })
        var second = g
        Elements.pullback(function, .second, whole, &second, gate, up)
        #expect(second.map(patterns) == eightAtATime(g, gate) { function.second($0, $1, $1) })
        // Three operands: the partner of the first is made of the other two.
        var first = g
        Elements.pullback(function, .first, whole, &first, gate, up)
        let ones = SIMD8<Float>(repeating: 1)
        let slopes = eightAtATime(g, gate) { function.first($0, $1, ones) }
        let expected = zip(slopes, up).map {
            $0 == ~0 ? ~0 : patterns(Float(bitPattern: $0) * $1)
        }
        #expect(first.map(patterns) == expected)
    }

    @Test(arguments: lengths)
    func softmaxSumsInSixteenParts(length: Int) {
        var x = seededValues(length, seed: 6).map { $0 * 20 }
        let maximum = x.max()!
        var terms = FloatArray(x.map { $0 - maximum })
        Elements.map(Functions.Exponential(), &terms)
        var parts = [Float](repeating: 0, count: 16)
        for (place, term) in terms.enumerated() { parts[place % 16] += term }
        for width in [8, 4, 2, 1] {
            for lane in 0..<width { parts[lane] += parts[lane + width] }
        }
        let factor = 1 / parts[0]
        FloatOps.softmax(&x, offset: 0, count: length)
        #expect(x == terms.map { $0 * factor })
    }
}
