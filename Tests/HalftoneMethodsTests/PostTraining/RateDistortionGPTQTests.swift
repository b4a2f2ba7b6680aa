import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Steps by what outputs are worth, and codes by their bits.
@Suite struct RateDistortionGPTQTests {
    private static let pool = WorkerPool(threads: 2)
    private let scheme = WeightScheme(
        format: IntegerFormat(bits: 8, symmetric: true), granularity: .channel,
        scaleFormat: .float32)

    private func statistics(seed: UInt64) -> InputStatistics {
        var generator = SeededGenerator(seed: seed)
        let mixing = Tensor.normal([64, 64], using: &generator)
        var statistics = InputStatistics(width: 64)
        statistics.add(
            Tensor.normal([512, 64], using: &generator).matmul(mixing), pool: Self.pool)
        return statistics
    }

    private func weight(seed: UInt64) -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return Tensor.normal([96, 64], using: &generator)
    }

    private func codes(_ tensor: QuantizedTensor) -> [UInt8] {
        PackedCodes.unpack(
            tensor.parts.codes, rows: tensor.rows, columns: tensor.columns, bits: 8)
    }

    private func byteCount(_ tensor: QuantizedTensor) -> Int {
        CodedRows.encode(codes(tensor), rows: tensor.rows, columns: tensor.columns).count
    }

    /// Mean over tokens of the squared change of all outputs.
    private func change(
        _ tensor: QuantizedTensor, _ weight: Tensor, _ statistics: InputStatistics
    ) -> Double {
        let difference = tensor.dequantized() - weight
        let moments = Tensor(
            shape: [64, 64], elements: statistics.gram.map { $0.symmetric() } ?? FloatArray([]))
        let sum = (difference.matmul(moments) * difference).sum().item
        return Double(sum) / Double(statistics.tokenCount)
    }

    /// A row that is worth four times as much has half the step, whatever the unit of what it is worth.
    @Test func stepsGoWithTheWorthOfRows() throws {
        let inputs = statistics(seed: 1)
        let weight = weight(seed: 2).weightMatrix()
        func scales(_ worth: [Float], _ distortion: Double) throws -> [Float] {
            try RateDistortionGPTQ(distortion: distortion).quantize(
                weight, scheme: scheme, inputs: inputs.with(outputWorth: worth), pool: Self.pool
            ).matrix.scales
        }
        let worth = (0..<96).map { $0.isMultiple(of: 2) ? Float(1) : 4 }
        let one = try scales(worth, 20)
        for row in stride(from: 0, to: 96, by: 2) {
            #expect(abs(one[row] / one[row + 1] - 2) < 1e-3)
        }
        let other = try scales(worth.map { $0 * 16 }, 320)
        #expect(zip(one, other).allSatisfy { abs($0 - $1) <= 1e-5 * $0 })
    }

    /// Smaller distortions change outputs less and take more bytes; counting bits takes fewer for the
    /// same change.
    @Test func bytesAndChangesAreTraded() throws {
        let inputs = statistics(seed: 3)
        let weight = weight(seed: 4)
        func found(_ distortion: Double, slope: Double) throws -> (change: Double, bytes: Int) {
            let tensor = try RateDistortionGPTQ(distortion: distortion, slope: slope).quantize(
                weight.weightMatrix(), scheme: scheme, inputs: inputs, pool: Self.pool)
            return (change(tensor, weight, inputs), byteCount(tensor))
        }
        let steps = try [40.0, 20, 10, 5].map { try found($0, slope: 0.1) }
        for (coarse, fine) in zip(steps, steps.dropFirst()) {
            #expect(fine.change < coarse.change && fine.bytes > coarse.bytes)
        }
        // The plain codes of the same bytes lie between two distortions.
        let plain = try [44.0, 40, 36, 32, 28, 24].map { try found($0, slope: 0) }
        let counted = try found(20, slope: 0.1)
        let alike = try #require(
            plain.min { abs($0.bytes - counted.bytes) < abs($1.bytes - counted.bytes) })
        #expect(counted.change < alike.change * 1.02)
        // The same steps without that take more.
        #expect(Double(counted.bytes) < 0.98 * Double(try found(20, slope: 0).bytes))
    }

    /// What codes will take is told within some percent, whatever rows are worth.
    @Test(arguments: [40, 10, 2.5, 0.6], [1, 16])
    func bytesAreForetold(distortion: Double, most: Float) throws {
        let inputs = statistics(seed: 6)
        let matrix = weight(seed: 7).weightMatrix()
        let worth = (0..<96).map { $0.isMultiple(of: 3) ? Float(1) : most }
        let method = RateDistortionGPTQ(distortion: distortion)
        let errors = try #require(
            GPTQ(damping: method.damping).prepared(for: inputs, pool: Self.pool).columnErrors)
        let bits = method.expectedBits(
            of: matrix, errors: .init(errors, tokens: inputs.tokenCount), worth: worth,
            scheme: scheme, sample: 96)
        let tensor = try method.quantize(
            matrix, scheme: scheme, inputs: inputs.with(outputWorth: worth), pool: Self.pool)
        // Tables of frequencies are more of so few codes than of many.
        let found = Double(8 * byteCount(tensor))
        #expect(abs(bits / found - 1) < 0.1, "\(bits / 6144), \(found / 6144)")
    }

    /// Columns are wider at their turn than weights are, by what is handed on to them.
    @Test(arguments: [20, 5, 1.2])
    func whatIsHandedOnTakesBits(distortion: Double) throws {
        let inputs = statistics(seed: 6)
        let matrix = weight(seed: 7).weightMatrix()
        let method = RateDistortionGPTQ(distortion: distortion)
        var errors = RateDistortionGPTQ.ExpectedErrors(
            try #require(
                GPTQ(damping: method.damping).prepared(for: inputs, pool: Self.pool).columnErrors),
            tokens: inputs.tokenCount)
        func foretold() -> Double {
            method.expectedBits(of: matrix, errors: errors, worth: nil, scheme: scheme, sample: 96)
        }
        let with = foretold()
        errors.handedOn = 0
        let without = foretold()
        let found = try method.quantize(matrix, scheme: scheme, inputs: inputs, pool: Self.pool)
        let size = Double(8 * byteCount(found))
        #expect(abs(with - size) < abs(without - size), "\(with), \(without), \(size)")
    }

    /// Few tokens say too little of what errors cost, of the columns that most others make up for the
    /// least; known moments say it all.
    @Test func fewTokensSayTooLittle() {
        let costs = [Float](repeating: 2, count: 100)
        #expect(RateDistortionGPTQ.expectedCosts(costs, tokens: 1) == costs)
        let few = RateDistortionGPTQ.expectedCosts(costs, tokens: 1000)
        #expect(zip(few, few.dropFirst()).allSatisfy { $0 > $1 })
        #expect(few[99] == 2 && abs(few[0] / 2 - 1 / (1 - 99.0 / 400) / (1 - 99.0 / 400)) < 1e-4)
        let many = RateDistortionGPTQ.expectedCosts(costs, tokens: 1_000_000)
        #expect(many.allSatisfy { $0 >= 2 && $0 < 2.001 })
        #expect(RateDistortionGPTQ.expectedCosts(costs, tokens: 50)[0] == 8, "no more than that")
        let later = RateDistortionGPTQ.expectedCosts(costs, tokens: 1000, readingLater: 1_000_000)
        #expect(zip(later, few).dropLast().allSatisfy { $0 < $1 } && later[0] > many[0])
    }

    /// Codes without inputs are the nearest, and groups have no step that a row could be worth.
    @Test func otherSchemesAreRefused() throws {
        let weight = weight(seed: 5).weightMatrix()
        #expect(throws: QuantizationError.self) {
            _ = try RateDistortionGPTQ(distortion: 1).quantize(
                weight, scheme: WeightScheme(format: IntegerFormat(bits: 4, symmetric: true)),
                inputs: statistics(seed: 1), pool: Self.pool)
        }
        let plain = try RoundToNearest().quantize(weight, scheme: scheme, pool: Self.pool)
        let found = try RateDistortionGPTQ(distortion: 1).quantize(
            weight, scheme: scheme, inputs: nil, pool: Self.pool)
        #expect(codes(found) == codes(plain))
    }
}
