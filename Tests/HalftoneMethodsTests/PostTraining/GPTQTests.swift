import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import HalftoneTesting
import Testing

/// Error compensation, held to an independent implementation and to what it is for.
@Suite struct GPTQTests {
    private static let pool = WorkerPool(threads: 2)

    private func statistics(_ inputs: Tensor) -> InputStatistics {
        var statistics = InputStatistics(width: inputs.shape[1])
        statistics.add(inputs, pool: Self.pool)
        return statistics
    }

    /// Mean over tokens of the squared change of all outputs.
    private func change(_ tensor: Tensor, _ weight: Tensor, _ inputs: Tensor) -> Double {
        let difference = inputs.matmul((tensor - weight).transposed())
        return difference.elements.reduce(0) { $0 + Double($1) * Double($1) }
            / Double(inputs.shape[0])
    }

    @Test(arguments: ["natural", "longGroups", "unevenGroups", "channel", "activation", "twoBits"])
    func equalsReference(name: String) throws {
        let fixture = try MethodsFixture.named("gptq/\(name)")
        let weight = try fixture.tensor("weight")
        let expected = try fixture.integers(of: "codes")
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        let group = Int(try fixture.number("group"))
        let scheme = WeightScheme(
            format: IntegerFormat(levels: Int(try fixture.number("levels")), symmetric: false),
            granularity: group == columns ? .channel : .group(group), scaleFormat: .float32,
            search: .absmax)
        let isOrdered = try fixture.number("activation") == 1
        let engine = try ErrorCompensation(
            statistics(try fixture.tensor("inputs")), damping: try fixture.number("damping"),
            order: isOrdered ? .activation : .natural)
        let result = try GPTQ(weighting: .uniform).quantize(
            weight.weightMatrix(), scheme: scheme, engine: engine, pool: Self.pool)
        let codes = PackedCodes.unpack(
            result.tensor.parts.codes, rows: rows, columns: columns, bits: scheme.format.bits)
        let same = zip(codes, expected).count { Int($0) == $1 }
        #expect(Double(same) >= 0.99 * Double(codes.count), "\(same) of \(codes.count) codes")
        // Scales of the original weights, and of the first group, do not depend on any code.
        let scales = try fixture.tensor("scales").elements
        let groups = scales.count / rows
        let found = result.tensor.matrix.scales
        for index in scales.indices where isOrdered || index % groups == 0 {
            #expect(abs(found[index] / scales[index] - 1) < 0x1p-20, "scale \(index)")
        }
        let losses = try fixture.tensor("losses").elements.reduce(0) { $0 + Double($1) }
        let loss = result.losses.reduce(0, +)
        #expect(abs(loss - losses) <= 0.01 * losses, "loss \(loss), expected \(losses)")
    }

    /// Without damping, what columns cost together is what the outputs change.
    @Test func lossIsChangeOfOutputs() throws {
        let inputs = Tensor.normal([400, 60], seed: 5)
        let weight = Tensor.normal([20, 60], seed: 6) * 0.1
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(20))
        let engine = try ErrorCompensation(statistics(inputs), damping: 0)
        let result = try GPTQ().quantize(
            weight.weightMatrix(), scheme: scheme, engine: engine, pool: Self.pool)
        let measured = change(result.tensor.dequantized(), weight, inputs)
        let predicted = result.losses.reduce(0, +)
        #expect(abs(predicted - measured) <= 1e-3 * measured, "\(predicted) and \(measured)")
    }

    /// Correlated inputs: compensation pays.
    @Test(arguments: [2, 3, 4], ErrorCompensation.Order.allCases)
    func changesOutputsLess(bits: Int, order: ErrorCompensation.Order) throws {
        let mixing = Tensor.normal([24, 96], seed: 1)
        let inputs =
            Tensor.normal([500, 24], seed: 2).matmul(mixing)
            + Tensor.normal([500, 96], seed: 3)
        let weight = Tensor.normal([64, 96], seed: 4) * 0.05
        let scheme = WeightScheme(
            format: IntegerFormat(bits: bits, symmetric: bits == 4), granularity: .group(32))
        let known = statistics(inputs)
        let plain = try RoundToNearest().quantize(weight, scheme: scheme)
        let compensated = try GPTQ(order: order).quantize(weight, scheme: scheme, inputs: known)
        let without = change(plain.dequantized(), weight, inputs)
        let with = change(compensated.dequantized(), weight, inputs)
        #expect(with < 0.5 * without, "\(with) against \(without)")
        #expect(compensated.byteCount == plain.byteCount)
    }

    /// The same with the scales of blocks, which the search has found for the weights as they were.
    @Test(arguments: [BlockType.q2_K, .q3_K, .q4_K, .q6_K, .iq4_XS, .q4_0, .q4_1, .q5_0, .iq4_NL])
    func blocksChangeOutputsLess(type: BlockType) throws {
        let mixing = Tensor.normal([48, 256], seed: 1)
        let inputs =
            Tensor.normal([900, 48], seed: 2).matmul(mixing)
            + Tensor.normal([900, 256], seed: 3)
        let weight = Tensor.normal([32, 256], seed: 4) * 0.05
        let known = statistics(inputs)
        func packed(_ method: some WeightMethod, pool: WorkerPool = Self.pool) throws
            -> PackedWeight
        {
            try method.packed(
                weight.weightMatrix(), as: .blocks(type), inputs: known, pool: pool)
        }
        let plain = try packed(RoundToNearest())
        let compensated = try packed(GPTQ())
        let without = change(plain.dequantized(), weight, inputs)
        let with = change(compensated.dequantized(), weight, inputs)
        #expect(with < 0.6 * without, "\(with) against \(without)")
        #expect(compensated.byteCount == plain.byteCount)
        #expect(compensated.packing == .blocks(type))
        let alone = try packed(GPTQ(), pool: WorkerPool(threads: 1))
        #expect(alone.matrix.decoded() == compensated.matrix.decoded())
    }

    private func bytes(_ parts: QuantizedTensor.StoredParts) -> [[UInt8]] {
        [parts.codes.array, parts.scales.array, parts.zeroPoints?.array ?? []]
    }

    @Test func threadsChangeNothing() throws {
        let known = statistics(.normal([300, 130], seed: 8))
        let weight = Tensor.normal([150, 130], seed: 9).weightMatrix()
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(64))
        let runs = try [1, 2, 5].map { threads in
            try GPTQ().quantize(
                weight, scheme: scheme, engine: ErrorCompensation(known),
                pool: WorkerPool(threads: threads))
        }
        for run in runs.dropFirst() {
            #expect(bytes(run.tensor.parts) == bytes(runs[0].tensor.parts))
            #expect(run.losses == runs[0].losses)
        }
    }

    /// With `H = [[1, c], [c, 1]]` the second of two columns takes over `c` times the first one's error.
    @Test(arguments: [0, 0.6, -0.8])
    func columnsHandOnWhatTheyShare(correlation: Float) throws {
        let moments = GramSum(width: 2, upper: [4, 4 * correlation, 4])
        let engine = try ErrorCompensation(
            InputStatistics(moments: moments, tokenCount: 4), damping: 0)
        let expected = Double(correlation * correlation) / 2
        #expect(abs(engine.handedOn - expected) < 1e-6, "\(engine.handedOn)")
        #expect(engine.costs.count == 2 && abs(engine.costs[1] - 1) < 1e-6)
        #expect(abs(engine.costs[0] - (1 - correlation * correlation)) < 1e-6)
    }

    @Test func refusesWhatItCannotUse() throws {
        let weight = Tensor.normal([4, 8], seed: 1)
        let scheme = WeightScheme(format: IntegerFormat(bits: 4, symmetric: true))
        let none = InputStatistics(width: 8)
        #expect(throws: QuantizationError.self) {
            try GPTQ().quantize(weight, scheme: scheme, inputs: none)
        }
        var values = weight.elements
        values[13] = .nan
        let known = statistics(.normal([50, 8], seed: 2))
        #expect(throws: QuantizationError.weightNotFinite(row: 1, column: 5, value: "nan")) {
            try GPTQ().quantize(
                Tensor(shape: [4, 8], elements: values), scheme: scheme, inputs: known)
        }
    }

    /// Features that never occur, and more features than tokens.
    @Test func sparseStatistics() throws {
        let mask = Tensor(shape: [1, 40], elements: (0..<40).map { $0 % 3 == 0 ? 0 : 1 })
        let inputs = Tensor.normal([6, 40], seed: 3) * mask
        let weight = Tensor.normal([10, 40], seed: 4)
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 4, symmetric: false), granularity: .group(10))
        let result = try GPTQ().quantize(weight, scheme: scheme, inputs: statistics(inputs))
        #expect(result.dequantized().elements.allSatisfy { $0.isFinite })
        let plain = try RoundToNearest().quantize(weight, scheme: scheme)
        #expect(
            change(result.dequantized(), weight, inputs)
                <= change(plain.dequantized(), weight, inputs))
    }
}
