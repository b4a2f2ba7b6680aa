import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Activations of a batch as int8 codes with scales, and the columns that stay float.
public struct DecomposedActivations: Sendable {
    /// Tokens.
    public let tokens: Int

    /// Features of a token.
    public let width: Int

    /// The columns that stay float, ascending.
    public let outliers: [Int]

    /// `[tokens, width]`, −127 to 127; 0 in columns that stay float.
    public let codes: [Int8]

    /// For each token what its codes are multiples of; 0 for a token of zeros.
    public let scales: [Float]

    /// Splits activations.
    ///
    /// - Parameters:
    ///   - values: `[tokens, width]`; a column with anything that is not finite stays float.
    ///   - width: Features of a token.
    ///   - threshold: The magnitude that makes its column an outlier.
    ///   - columns: That stay float whatever is in them.
    ///   - sharing: Which activations share a scale.
    public init(
        _ values: [Float], width: Int, threshold: Float, keeping columns: [Int],
        sharing: LLMInt8.ActivationScale
    ) {
        precondition(width > 0 && values.count.isMultiple(of: width), "[tokens, width]")
        self.width = width
        tokens = values.count / width
        var isOutlier = [Bool](repeating: false, count: width)
        for column in columns { isOutlier[column] = true }
        for token in 0..<tokens {
            for column in 0..<width {
                // What is no number stays float as well: no code stands for it.
                let isSmall = values[token * width + column].magnitude < threshold
                if !isSmall { isOutlier[column] = true }
            }
        }
        outliers = isOutlier.indices.filter { isOutlier[$0] }
        var largest = [Float](repeating: 0, count: tokens)
        for token in 0..<tokens {
            for column in 0..<width where !isOutlier[column] {
                largest[token] = max(largest[token], values[token * width + column].magnitude)
            }
        }
        if sharing == .tensor {
            largest = [Float](repeating: largest.max() ?? 0, count: tokens)
        }
        scales = largest.map { $0 / 127 }
        var codes = [Int8](repeating: 0, count: values.count)
        for token in 0..<tokens where scales[token] > 0 {
            for column in 0..<width where !isOutlier[column] {
                let steps = (values[token * width + column] / scales[token])
                    .rounded(.toNearestOrEven)
                codes[token * width + column] = Int8(min(max(steps, -127), 127))
            }
        }
        self.codes = codes
    }

    /// Puts what the codes stand for in the place of all values but those of outlier columns.
    ///
    /// - Parameter values: Those that were split.
    public func roundTrip(_ values: inout [Float]) {
        precondition(values.count == codes.count, "the activations that were split")
        var isOutlier = [Bool](repeating: false, count: width)
        for column in outliers { isOutlier[column] = true }
        for token in 0..<tokens {
            for column in 0..<width where !isOutlier[column] {
                let place = token * width + column
                values[place] = scales[token] * Float(codes[place])
            }
        }
    }
}

/// The layer that ``LLMInt8`` stores, which is a product of int8 codes in int32, and a float one of
/// the columns that were taken out of it.
///
/// This is the definition in plain loops; what it computes for a whole model is measured with
/// ``LLMInt8/activationChange(keeping:)``.
public struct Int8Product: Sendable {
    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    private let method: LLMInt8
    /// `[rows, columns]`; 0 in kept columns.
    private let codes: [Int8]
    private let scales: [Float]
    private let kept: [Int]
    /// Weights of kept columns, `[rows, kept]`.
    private let keptValues: [Float]

    /// Reads a matrix that ``LLMInt8`` has stored.
    ///
    /// - Throws: `QuantizationError.badForm` for any other form, and for rows of which int32 does
    ///   not hold the sum of products (more than 133,144 columns); `QuantizationError` when the
    ///   file is damaged.
    public init(_ stored: StoredMatrix, _ method: LLMInt8) throws(QuantizationError) {
        kept = try LLMInt8.keptColumns(of: stored)
        let prefix = kept.isEmpty ? "" : "base."
        guard stored.form == method.form(keeping: kept.count),
            let part = stored.part(prefix + "codes")
        else { throw .badForm("\(stored.form) is not how LLM.int8() stores a matrix") }
        guard stored.columns <= Int(Int32.max) / (127 * 127) else {
            throw .badForm("int32 does not hold the sums of rows of \(stored.columns)")
        }
        (rows, columns) = (stored.rows, stored.columns)
        self.method = method
        let isKept = Set(kept)
        let rest = (0..<columns).filter { !isKept.contains($0) }
        var codes = [Int8](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for (place, column) in rest.enumerated() {
                // Code 255 is none; it decodes as code 0.
                let code = Int(part.bytes[row * rest.count + place])
                codes[row * columns + column] = Int8(code < 255 ? code - 127 : -127)
            }
        }
        self.codes = codes
        let scales = try stored.floats(ofPart: prefix + "scales")
        self.scales =
            scales.count == 1 ? [Float](repeating: scales[0], count: rows) : scales
        keptValues = try stored.floats(ofPart: "values")
    }

    /// Multiplies a batch of tokens.
    ///
    /// - Parameters:
    ///   - inputs: `[tokens, columns]`, finite.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Returns: `[tokens, rows]`.
    /// - Complexity: O(tokens · `rows` · `columns`).
    public func callAsFunction(_ inputs: [Float], pool: WorkerPool) -> [Float] {
        let batch = method.decomposed(inputs, width: columns, keeping: kept)
        let outliers = weights(of: batch.outliers)
        let result = Mutex([Float](repeating: 0, count: batch.tokens * rows))
        pool.split(batch.tokens, grain: 1) { range in
            var part: [Float] = []
            part.reserveCapacity(range.count * rows)
            for token in range {
                for row in 0..<rows {
                    let sum = integerSum(batch, token: token, row: row)
                    var value = Float(sum) * (batch.scales[token] * scales[row])
                    for (place, column) in batch.outliers.enumerated() {
                        value +=
                            inputs[token * columns + column]
                            * outliers[row * batch.outliers.count + place]
                    }
                    part.append(value)
                }
            }
            result.withLock {
                $0.replaceSubrange(range.lowerBound * rows..<range.upperBound * rows, with: part)
            }
        }
        return result.withLock { $0 }
    }

    private func integerSum(_ batch: DecomposedActivations, token: Int, row: Int) -> Int32 {
        let (inputs, weights) = (batch.codes.span, codes.span)
        let (first, second) = (token * columns, row * columns)
        var sum: Int32 = 0
        for column in 0..<columns {
            sum &+= Int32(inputs[first + column]) &* Int32(weights[second + column])
        }
        return sum
    }

    /// The weights of some columns, `[rows, columns]`: those that are kept, and decoded ones.
    private func weights(of chosen: [Int]) -> [Float] {
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        return (0..<rows).flatMap { row in
            chosen.map { column in
                if let place = places[column] { return keptValues[row * kept.count + place] }
                return scales[row] * Float(codes[row * columns + column])
            }
        }
    }
}
