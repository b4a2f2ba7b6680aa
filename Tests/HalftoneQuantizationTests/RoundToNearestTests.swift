import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import HalftoneTesting
import Testing

/// Formats of all widths, and of numbers of levels between, symmetric and affine.
let allFormats = [2, 4, 8, 16, 32, 64, 128, 256, 3, 6, 15, 255].flatMap { levels in
    [true, false].map { IntegerFormat(levels: levels, symmetric: $0) }
}

/// Groups that divide the widths below and groups that do not.
let someGranularities: [Granularity] = [.tensor, .channel, .group(16), .group(32), .group(36)]

/// The weights of each group of a matrix, with the squared error of their codes.
private func groupErrors(_ quantized: QuantizedTensor, _ weight: Tensor) -> [Double] {
    let matrix = quantized.matrix
    let values = quantized.dequantized().elements.array
    let groups = quantized.scheme.granularity == .tensor ? 1 : matrix.rows * matrix.groupsPerRow
    var errors = [Double](repeating: 0, count: groups)
    for index in values.indices {
        let (row, column) = index.quotientAndRemainder(dividingBy: matrix.columns)
        let group = groups == 1 ? 0 : row * matrix.groupsPerRow + column / matrix.groupSize
        let distance = Double(values[index]) - Double(weight.elements[index])
        errors[group] += distance * distance
    }
    return errors
}

@Suite struct RoundToNearestTests {
    /// The scale as it is stored covers the range, so no weight is off by more than half a step.
    ///
    /// Three float32 roundings of at most 256 steps add 3 · 256 · 2⁻²⁴ < 5e-5 steps.
    @Test(arguments: allFormats, ScaleFormat.allCases)
    func absmaxStaysWithinHalfAStep(format: IntegerFormat, scaleFormat: ScaleFormat) throws {
        let weights = [
            Tensor.normal([7, 100], standardDeviation: 0.02, seed: 1),
            Tensor.uniform([5, 72], in: 0.5...1, seed: 2),
            Tensor.uniform([5, 72], in: -2...(-1), seed: 3),
        ]
        for (weight, granularity) in weights.flatMap({ weight in
            someGranularities.map { (weight, $0) }
        }) {
            let scheme = WeightScheme(
                format: format, granularity: granularity, scaleFormat: scaleFormat, search: .absmax)
            let quantized = try RoundToNearest().quantize(weight, scheme: scheme)
            let matrix = quantized.matrix
            var worst: Float = 0
            for (index, value) in quantized.dequantized().elements.enumerated() {
                let (row, column) = index.quotientAndRemainder(dividingBy: matrix.columns)
                let scale = matrix.scales[row * matrix.groupsPerRow + column / matrix.groupSize]
                worst = max(worst, abs(value - weight.elements[index]) / scale)
            }
            #expect(worst <= 0.5 + 5e-5, "\(scheme): the worst weight is \(worst) steps away")
        }
    }

    /// Both errors are sums of float32 squares in 64 additions: 1e-5 covers their rounding.
    @Test(arguments: allFormats, ScaleFormat.allCases)
    func leastErrorIsNeverWorseThanAbsmax(
        format: IntegerFormat, scaleFormat: ScaleFormat
    ) throws {
        let weights = [
            Tensor.normal([7, 100], standardDeviation: 0.02, seed: 4),
            Tensor.uniform([5, 72], in: -0.1...1, seed: 5),
        ]
        for (weight, granularity) in weights.flatMap({ weight in
            someGranularities.map { (weight, $0) }
        }) {
            var scheme = WeightScheme(
                format: format, granularity: granularity, scaleFormat: scaleFormat, search: .absmax)
            let absmax = groupErrors(
                try RoundToNearest().quantize(weight, scheme: scheme), weight)
            scheme.search = .leastError
            let least = groupErrors(try RoundToNearest().quantize(weight, scheme: scheme), weight)
            for (group, (found, bound)) in zip(least, absmax).enumerated() {
                #expect(found <= bound * (1 + 1e-5), "\(scheme), group \(group)")
            }
        }
    }

    /// A search of 20,000 scales with every zero point, in Double: the method's few dozen tries
    /// come within a twentieth of its squared error on average, and never below it.
    @Test(arguments: [2, 3, 4, 5], [true, false])
    func leastErrorIsNearTheBestThereIs(bits: Int, symmetric: Bool) throws {
        let format = IntegerFormat(bits: bits, symmetric: symmetric)
        let weight = Tensor.normal([12, 32], seed: 6)
        let scheme = WeightScheme(
            format: format, granularity: .channel, scaleFormat: .float32, search: .leastError)
        let found = groupErrors(try RoundToNearest().quantize(weight, scheme: scheme), weight)
        var foundSum = 0.0
        var bestSum = 0.0
        for row in 0..<12 {
            let values = weight[row: row].elements.map { Double($0) }
            let best = exhaustiveError(values, format)
            #expect(found[row] >= best * 0.999, "row \(row): the bound is not one")
            foundSum += found[row]
            bestSum += best
        }
        #expect(foundSum <= 1.05 * bestSum, "\(foundSum / bestSum) of the least error")
    }

    private func exhaustiveError(_ values: [Double], _ format: IntegerFormat) -> Double {
        let largest = values.map(\.magnitude).max() ?? 0
        let widest = 4 * largest / Double(format.levels)
        let signs: [Double] = format.isSymmetric ? [1, -1] : [1]
        let zeros =
            format.isSymmetric
            ? [Double(format.symmetricZeroPoint)] : (0..<format.levels).map { Double($0) }
        let steps = 20_000 / (signs.count * zeros.count) * 4
        var best = Double.infinity
        for (sign, zero) in signs.flatMap({ sign in zeros.map { (sign, $0) } }) {
            for step in steps / 8...steps {
                let scale = sign * widest * Double(step) / Double(steps)
                var error = 0.0
                for value in values {
                    let code = min(
                        max((value / scale + zero).rounded(), 0), Double(format.maximumCode))
                    let distance = value - scale * (code - zero)
                    error += distance * distance
                }
                best = min(best, error)
            }
        }
        return best
    }

    /// Source: at one bit the least squared error has levels ± the mean magnitude (XNOR-Net,
    /// arXiv:1603.05279, equation 6).
    @Test func oneBitHasTheMeanMagnitude() throws {
        let weight = Tensor(shape: [1, 4], elements: [1, -2, 3, -6])
        var scheme = WeightScheme(
            format: IntegerFormat(bits: 1, symmetric: true), scaleFormat: .float32)
        let least = try RoundToNearest().quantize(weight, scheme: scheme)
        #expect(least.dequantized().elements == [3, -3, 3, -3])
        scheme.search = .absmax
        let absmax = try RoundToNearest().quantize(weight, scheme: scheme)
        #expect(absmax.dequantized().elements == [6, -6, 6, -6])
    }

    /// Weights that lie on a grid whose lowest level is used come back exactly, with the sign of
    /// the scale found.
    @Test(arguments: 2...8, [Float(0.125), -0.125])
    func aGridIsRecognized(bits: Int, step: Float) throws {
        let format = IntegerFormat(bits: bits, symmetric: true)
        var generator = SeededGenerator(seed: 8)
        var levels = (0..<64).map { _ in
            Float(Int.random(in: 0..<format.levels, using: &generator) - format.levels / 2)
        }
        levels[5] = -Float(format.levels / 2)
        levels[40] = levels[5]
        let weight = Tensor(shape: [2, 32], elements: levels.map { step * $0 })
        let quantized = try RoundToNearest().quantize(weight, scheme: WeightScheme(format: format))
        #expect(quantized.dequantized() == weight)
        if bits > 2 { #expect(quantized.matrix.scales == [step, step]) }
    }

    /// Uniform noise of half a step at most: 1/12 of a squared step of 2·max/254.
    @Test func eightBitsAreClose() throws {
        let weight = Tensor.uniform([16, 256], seed: 9)
        let power = weight.elements.reduce(0.0) { $0 + Double($1) * Double($1) }
        for format in allFormats where format.bits == 8 {
            for search in ScaleSearch.allCases where search != .statistic(.mean) {
                let scheme = WeightScheme(format: format, granularity: .channel, search: search)
                let error = try RoundToNearest().quantize(weight, scheme: scheme)
                    .squaredError(against: weight)
                // Δ²/12 over the mean square 1/3 of the weights, with a tenth to spare.
                #expect(error / power < 1.1 * (2.0 / 254) * (2.0 / 254) / 12 * 3)
                #expect(error > 0)
            }
        }
    }

    @Test(arguments: someGranularities, [ScaleFormat.float16, .float8])
    func threadsDoNotMatter(granularity: Granularity, scaleFormat: ScaleFormat) throws {
        let weight = Tensor.normal([150, 72], seed: 10)
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 3, symmetric: false), granularity: granularity,
            scaleFormat: scaleFormat)
        let one = try RoundToNearest().quantize(weight, scheme: scheme)
        // A matrix that is already packed decodes to weights as well.
        let source = try RoundToNearest().quantize(
            weight, scheme: WeightScheme(format: IntegerFormat(bits: 8, symmetric: true)))
        let alone = try RoundToNearest().quantize(
            source.matrix, scheme: scheme, pool: WorkerPool(threads: 1))
        let pooled = try RoundToNearest().quantize(
            source.matrix, scheme: scheme, pool: WorkerPool(threads: 3))
        #expect(one.parts.codes.array != alone.parts.codes.array)
        #expect(alone.parts.codes.array == pooled.parts.codes.array)
        #expect(alone.parts.scales.array == pooled.parts.scales.array)
        #expect(alone.parts.zeroPoints?.array == pooled.parts.zeroPoints?.array)
    }

    @Test(arguments: allFormats)
    func productsAgreeWithTheDecodedMatrix(format: IntegerFormat) throws {
        let weight = Tensor.normal([9, 172], standardDeviation: 0.02, seed: 11)
        for granularity in someGranularities {
            let scheme = WeightScheme(format: format, granularity: granularity)
            let quantized = try RoundToNearest().quantize(weight, scheme: scheme)
            #expect(checkWeightMatrix(quantized.matrix) == [])
        }
    }
}
