import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

struct BitNetReloadedTests {
    @Test(arguments: ["median", "mean", "warmup", "bare"])
    func linearIsTheReference(_ label: String) throws {
        let fixture = try QATFixture("bitlinear/\(label)")
        let method = BitNetReloaded(
            measure: try #require(.init(rawValue: fixture.text("measure"))),
            normalizes: fixture.isSet("normalizes"), share: Float(try fixture.number("share")))
        let x = try fixture.tensor("x").tracked()
        let weight = try fixture.tensor("weight").tracked()
        let bias = try fixture.tensor("bias").tracked()

        var bare = method
        bare.share = 1
        let normalized = method.normalizes ? method.normalized(x) : x
        let scales = method.inputScales(normalized)
        let codes = (normalized * scales)
            .codes(step: Tensor(1), codes: .signed(bits: 8))
        #expect(codes.elements.map { Int($0) } == (try fixture.integers("inputCodes")))
        #expect(
            bare.ternary(weight).elements.map { Int($0) } == (try fixture.integers("weightCodes")))

        let output = method.linear(x, weight: weight, bias: bias)
        let gradients = output.gradients(
            for: [x, weight, bias], upstream: try fixture.tensor("upstream"))
        // Normalizing takes about 24 roundings over 12 numbers, a product 12 more; its terms are
        // up to the row's 1-norm, 12 times the mean, above the result.
        var failures = try fixture.failures(normalized, "normalized", operations: 40)
        failures += try fixture.failures(scales, "inputScales", operations: 44)
        failures += try fixture.failures(output, "output", operations: 60, spread: 4)
        failures += try fixture.failures(gradients[0], "gradient.x", operations: 100, spread: 12)
        failures += try fixture.failures(
            gradients[1], "gradient.weight", operations: 60, spread: 10)
        failures += try fixture.failures(gradients[2], "gradient.bias", operations: 10, spread: 5)
        #expect(failures == [])
    }

    @Test func packedLayerIsTheSimulation() {
        for (outputs, inputs) in [(1, 1), (3, 7), (5, 64), (9, 65), (33, 1100)] {
            let weight = Tensor.normal([outputs, inputs], standardDeviation: 0.02, seed: 3)
            let x = Tensor.normal([4, inputs], mean: 0.5, seed: 4)
            let bias = Tensor.normal([outputs], seed: 5)
            for measure in BitNetReloaded.Measure.allCases {
                let method = BitNetReloaded(measure: measure)
                let packed = PackedBitLinear(method, weight: weight, bias: bias)
                #expect(packed(x) == method.linear(x, weight: weight, bias: bias))
            }
        }
    }

    @Test func packedSumsAreTheDefinition() {
        var generator = SeededGenerator(seed: 6)
        for columns in [1, 7, 63, 64, 65, 1023, 4096] {
            let codes = (0..<3 * columns).map { _ in Int8.random(in: -1...1, using: &generator) }
            let matrix = TernaryMatrix(rows: 3, columns: columns, codes: codes)
            for row in 0..<3 {
                #expect(
                    (0..<columns).map { matrix[row, $0] }
                        == codes[row * columns..<(row + 1) * columns].map { $0 })
            }
            let random = (0..<columns).map { _ in Int8.random(in: .min ... .max, using: &generator)
            }
            // The extremes fill 16-bit partial sums as far as they ever are.
            for input in [random, .init(repeating: -128, count: columns)] {
                #expect(matrix.products(with: input) == matrix.referenceProducts(with: input))
            }
            let ones = TernaryMatrix(
                rows: 1, columns: columns, codes: [Int8](repeating: 1, count: columns))
            #expect(
                ones.products(with: [Int8](repeating: -128, count: columns))
                    == [Int32(-128 * columns)])
        }
    }

    /// A normal distribution has `2Φ(0.337) − 1 = 0.264` of its numbers below half the median.
    ///
    /// Below half the mean it has `2Φ(0.399) − 1 = 0.310`. The deviation over 10⁵ draws is 0.0015.
    @Test(arguments: [(BitNetReloaded.Measure.median, 0.264), (.mean, 0.310)])
    func gaussianZeroShare(_ measure: BitNetReloaded.Measure, _ expected: Double) {
        let method = BitNetReloaded(measure: measure)
        var weight = Tensor.normal([100_000], seed: 8)
        #expect(abs(Self.zeroShare(method, weight) - expected) < 0.005)

        // Five per cent of the weights 20 times as large: the median hardly moves, the mean
        // nearly doubles and takes the share of zeros to 54 %.
        var elements = weight.elements
        for index in stride(from: 0, to: 100_000, by: 20) { elements[index] *= 20 }
        weight = Tensor(shape: [100_000], elements: elements)
        let share = Self.zeroShare(method, weight)
        #expect(abs(share - (measure == .median ? 0.265 : 0.54)) < 0.015, "\(share)")
    }

    private static func zeroShare(_ method: BitNetReloaded, _ weight: Tensor) -> Double {
        Double(method.ternary(weight).elements.count { $0 == 0 }) / Double(weight.count)
    }
}
