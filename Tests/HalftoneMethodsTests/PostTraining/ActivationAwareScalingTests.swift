import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Factors of channels, on inputs some of whose channels are large.
@Suite struct ActivationAwareScalingTests {
    private static let pool = WorkerPool(threads: 2)
    private static let scheme = WeightScheme(
        format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(32), search: .absmax)

    /// 500 tokens of 64 features; every eighth feature is 30 times as large.
    private func inputs() -> Tensor {
        let sizes = (0..<64).map { $0 % 8 == 3 ? Float(30) : 1 }
        return Tensor.normal([500, 64], seed: 1) * Tensor(shape: [1, 64], elements: sizes)
    }

    private func statistics(_ inputs: Tensor) -> InputStatistics {
        var result = InputStatistics(width: inputs.shape[1])
        result.add(inputs, pool: Self.pool)
        return result
    }

    /// The squared change of outputs when weights are rounded with factors.
    private func loss(_ weight: Tensor, _ factors: [Float], _ inputs: Tensor) throws -> Double {
        let row = Tensor(shape: [1, factors.count], elements: factors)
        let rounded = try RoundToNearest().quantize(weight * row, scheme: Self.scheme)
        let difference = rounded.dequantized() / row - weight
        let outputs = inputs.matmul(difference.transposed())
        return Array(outputs.elements).reduce(0) { $0 + Double($1) * Double($1) }
    }

    @Test func largeChannelsAreRoundedFinerAndOutputsChangeLess() throws {
        let inputs = inputs()
        let weights = [
            Tensor.normal([48, 64], seed: 2) * 0.1, Tensor.normal([16, 64], seed: 3) * 0.1,
        ]
        let found = try ActivationAwareScaling().factors(
            for: weights.map { $0.weightMatrix() }, scheme: Self.scheme,
            inputs: statistics(inputs), shared: nil, pool: Self.pool)
        let factors = try #require(found)
        #expect(factors[3] > 2 * factors[0], "\(factors[3]) and \(factors[0])")
        let ones = [Float](repeating: 1, count: 64)
        let plain = try weights.reduce(0) { try $0 + loss($1, ones, inputs) }
        let scaled = try weights.reduce(0) { try $0 + loss($1, factors, inputs) }
        #expect(scaled < 0.7 * plain, "\(scaled) against \(plain)")
    }

    @Test func channelsThatAreSharedGetOneFactor() throws {
        let shared = (0..<32).map { [$0, $0 + 32] }
        let found = try ActivationAwareScaling(powers: 8).factors(
            for: [(Tensor.normal([48, 64], seed: 2) * 0.1).weightMatrix()], scheme: Self.scheme,
            inputs: statistics(inputs()), shared: shared, pool: Self.pool)
        let factors = try #require(found)
        for channels in shared { #expect(factors[channels[0]] == factors[channels[1]]) }
    }

    @Test func channelsOfOneSizeAreLeftAlone() throws {
        let ones = Tensor(shape: [64, 64], elements: [Float](repeating: 1, count: 64 * 64))
        let found = try ActivationAwareScaling().factors(
            for: [Tensor.normal([8, 64], seed: 2).weightMatrix()], scheme: Self.scheme,
            inputs: statistics(ones), shared: nil, pool: Self.pool)
        #expect(found == nil, "all powers give factors of 1")
    }

    @Test func threadsChangeNothing() throws {
        let known = statistics(inputs())
        let weight = Tensor.normal([48, 64], seed: 2).weightMatrix()
        let found = try [1, 3].map { threads in
            try ActivationAwareScaling().factors(
                for: [weight], scheme: Self.scheme, inputs: known, shared: nil,
                pool: WorkerPool(threads: threads))
        }
        #expect(found[0] == found[1])
    }

    @Test func secondMomentsAreNeeded() throws {
        let known = InputStatistics(width: 64, detail: .features)
        #expect(throws: QuantizationError.self) {
            try ActivationAwareScaling().factors(
                for: [Tensor.normal([8, 64], seed: 2).weightMatrix()], scheme: Self.scheme,
                inputs: known, shared: nil, pool: Self.pool)
        }
    }
}
