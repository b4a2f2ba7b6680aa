import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor
import Testing

/// Codes, scales and outlier columns by hand, and the integer product against sums in Double.
@Suite struct LLMInt8Tests {
    private static let pool = WorkerPool(threads: 2)

    private func store(
        _ weight: Tensor, _ method: LLMInt8, inputs: Tensor? = nil
    ) throws -> StoredMatrix {
        var statistics: InputStatistics?
        if let inputs {
            var found = InputStatistics(width: inputs.shape[1], detail: .features)
            found.add(inputs, pool: Self.pool)
            statistics = found
        }
        return try method.stored(weight.weightMatrix(), inputs: statistics, pool: Self.pool)
    }

    /// Tokens of 40 features with two columns that are 30 times larger.
    private func inputs(tokens: Int = 9, seed: UInt64 = 1) -> Tensor {
        let factors = (0..<40).map { $0 == 3 || $0 == 31 ? Float(30) : 1 }
        return Tensor.normal([tokens, 40], seed: seed) * Tensor(shape: [1, 40], elements: factors)
    }

    @Test func codesByHand() {
        // One value of column 1 reaches 6, so the whole column is left out of codes and scales.
        let values: [Float] = [1.27, 6, -0.5, 0.635, 0.1, -2.54, 0, 0, 0]
        let parts = LLMInt8().decomposed(values, width: 3)
        #expect(parts.outliers == [1])
        // 1.27 and 2.54 are 127 steps of 0.01 and 0.02.
        #expect(parts.codes == [127, 0, -50, 32, 0, -127, 0, 0, 0])
        #expect(parts.scales == [Float(1.27) / 127, Float(2.54) / 127, 0])
        let below = LLMInt8().decomposed([1, 5.9], width: 2)
        #expect(below.outliers.isEmpty, "below the threshold")
        #expect(LLMInt8.vectorWise.decomposed(values, width: 3).outliers.isEmpty)
    }

    @Test func oneScaleForTheBatch() {
        let parts = LLMInt8.perTensor.decomposed([1, -8, 2, 4], width: 2)
        #expect(parts.scales == [Float(8) / 127, Float(8) / 127])
        // 127/8 = 15.875, twice and four times that 31.75 and 63.5, a tie that goes to 64.
        #expect(parts.codes == [16, -127, 32, 64])
    }

    /// Every row reaches ±127, and no code is −128.
    @Test func weightsUseTheSymmetricRange() throws {
        let weight = Tensor.normal([12, 40], seed: 4)
        let stored = try store(weight, LLMInt8())
        let codes = try #require(stored.part("codes")).bytes.array.map { Int($0) - 127 }
        let scales = try stored.floats(ofPart: "scales")
        for row in 0..<12 {
            let range = row * 40..<(row + 1) * 40
            #expect(codes[range].map(abs).max() == 127)
            for place in range {
                let exact = Double(weight.elements[place]) / Double(scales[row])
                #expect(abs(exact - Double(codes[place])) <= 0.5 + 1e-4, "half a step")
            }
        }
        // 8 bits per weight and 32 for each row of 40.
        #expect(stored.byteCount == 12 * 40 + 12 * 4)
    }

    /// The sums of the paper's equation 8, in Double from the codes.
    @Test(arguments: [LLMInt8(), .vectorWise, .rowWise, .perTensor])
    func productEqualsSums(method: LLMInt8) throws {
        let (inputs, weight) = (inputs(), Tensor.normal([7, 40], seed: 2))
        let stored = try store(weight, method)
        let result = try Int8Product(stored, method)(Array(inputs.elements), pool: Self.pool)
        let batch = method.decomposed(Array(inputs.elements), width: 40)
        #expect(batch.outliers == (method.threshold == 6 ? [3, 31] : []))
        let decoded = try stored.decoded()
        for token in 0..<9 {
            for row in 0..<7 {
                var (sum, size) = (0.0, 0.0)
                for column in 0..<40 {
                    let isOutlier = batch.outliers.contains(column)
                    let input =
                        isOutlier
                        ? Double(inputs[token, column])
                        : Double(batch.codes[token * 40 + column]) * Double(batch.scales[token])
                    let term = input * Double(decoded[row * 40 + column])
                    sum += term
                    size += abs(term)
                }
                // Some forty roundings of half an ulp each.
                let found = Double(result[token * 7 + row])
                #expect(abs(found - sum) <= 40 * 0x1p-24 * size, "\(token), \(row)")
            }
        }
    }

    /// What a whole model is measured with: a float product of restored activations.
    @Test(arguments: LLMInt8.KeptColumns.allCases)
    func changedActivationsGiveTheSame(kept: LLMInt8.KeptColumns) throws {
        let method = LLMInt8(kept: kept)
        let (inputs, weight) = (inputs(), Tensor.normal([7, 40], seed: 2))
        // Column 3 is an outlier of this text as well, column 31 by chance of the text alone.
        let stored = try store(weight, method, inputs: inputs)
        let columns = try LLMInt8.keptColumns(of: stored)
        #expect(columns == (kept == .none ? [] : [3, 31]))
        let product = try Int8Product(stored, method)(Array(inputs.elements), pool: Self.pool)
        var values = Array(inputs.elements)
        let change = method.activationChange { _, _ in columns }
        change(0, .attentionInput, &values, 40)
        let restored = Tensor(shape: [9, 40], elements: values)
        let decoded = Tensor(shape: [7, 40], elements: try stored.decoded())
        let float = restored.matmul(decoded, transposingSecond: true)
        let sizes = restored.abs().matmul(decoded.abs(), transposingSecond: true)
        for place in product.indices {
            // Both round some forty sums and products.
            let difference = abs(Double(product[place]) - Double(float.elements[place]))
            #expect(difference <= 80 * 0x1p-24 * Double(sizes.elements[place]))
        }
        for token in 0..<9 {
            #expect(values[token * 40 + 3] == inputs[token, 3], "outliers stay as they are")
        }
    }

    @Test func decompositionLowersTheError() throws {
        let (inputs, weight) = (inputs(tokens: 64), Tensor.normal([50, 40], seed: 2))
        let exact = inputs.matmul(weight, transposingSecond: true)
        func error(_ method: LLMInt8) throws -> Float {
            let stored = try store(weight, method, inputs: inputs)
            let result = try Int8Product(stored, method)(
                Array(inputs.elements), pool: Self.pool)
            let difference = Tensor(shape: [64, 50], elements: result) - exact
            return (difference * difference).sum().item
        }
        let plain = try error(.vectorWise)
        // The step of a token falls from some 90/127 to 3/127; the weights' rounding remains, the
        // outliers' times 30, unless they are kept.
        #expect(try error(LLMInt8()) < plain / 4)
        #expect(try error(LLMInt8(kept: .calibrated)) < plain / 100)
    }

    @Test func threadsChangeNothing() throws {
        let method = LLMInt8()
        let product = try Int8Product(store(Tensor.normal([7, 40], seed: 2), method), method)
        let values = Array(inputs(tokens: 33).elements)
        let one = product(values, pool: WorkerPool(threads: 1))
        #expect(product(values, pool: WorkerPool(threads: 5)) == one)
    }

    @Test func refusesOtherForms() throws {
        let stored = try store(Tensor.normal([4, 8], seed: 1), .rowWise)
        #expect(throws: QuantizationError.self) { try Int8Product(stored, LLMInt8()) }
        let wide = try store(Tensor.zeros([1, 133_145]), LLMInt8())
        #expect(throws: QuantizationError.self) { try Int8Product(wide, LLMInt8()) }
    }

    /// Zeros have no scale, and give zeros.
    @Test func zeros() throws {
        let stored = try store(Tensor.zeros([3, 8]), LLMInt8())
        let product = try Int8Product(stored, LLMInt8())
        #expect(product([Float](repeating: 0, count: 16), pool: Self.pool).allSatisfy { $0 == 0 })
        #expect(product([], pool: Self.pool).isEmpty)
    }
}
