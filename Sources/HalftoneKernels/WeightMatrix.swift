/// A matrix of weights `[rows, columns]` in the form it is stored in: floats, GGUF blocks or
/// packed codes.
///
/// `rows` are output features and `columns` input features. Every row can be decoded on its own,
/// which is all that a large product needs; formats with a faster way to multiply one vector
/// implement ``dot(rows:input:output:)`` themselves.
public protocol WeightMatrix: Sendable {
    /// Output features.
    var rows: Int { get }

    /// Input features.
    var columns: Int { get }

    /// Bytes that the matrix takes in a file, scales and side data included.
    var byteCount: Int { get }

    /// A short name of the format for tables: `F32`, `Q4_K`, `int4 g32`.
    var formatName: String { get }

    /// Decodes whole rows to float32.
    ///
    /// - Parameters:
    ///   - rows: Within `0 ..< rows`.
    ///   - output: Room for `rows.count · columns` floats, row after row.
    @unsafe
    func decode(rows: Range<Int>, into output: UnsafeMutablePointer<Float>)

    /// Multiplies rows with one vector.
    ///
    /// - Parameters:
    ///   - rows: Within `0 ..< rows`.
    ///   - input: The vector, prepared once for all rows.
    ///   - output: Room for `rows.count` floats.
    @unsafe
    func dot(rows: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>)

    /// The same values in the order that integer products read; nil, which is the default, for
    /// formats that have none.
    ///
    /// - Parameter pool: The threads that lay them out.
    func panels(on pool: WorkerPool) -> PanelMatrix?

    /// The same matrix with its rows in another order: row `i` of the result is row `order[i]`.
    ///
    /// - Parameter order: Row numbers within `0 ..< rows`; a subset or repeats are allowed.
    func gatheringRows(_ order: [Int]) -> any WeightMatrix
}

extension WeightMatrix {
    /// A form without integer products.
    public func panels(on pool: WorkerPool) -> PanelMatrix? { nil }

    /// Multiplies rows with one vector in float32, a few decoded rows at a time.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe precondition(input.count == columns, "the vector has a value per column")
        guard columns > 0 else { return unsafe output.update(repeating: 0, count: range.count) }
        unsafe range.inFewRows(of: columns) { rows, decoded in
            unsafe decode(rows: rows, into: decoded)
            for (index, row) in rows.enumerated() {
                unsafe output[row - range.lowerBound] = FloatKernels.dot(
                    decoded + index * columns, input.values, count: columns)
            }
        }
    }
}

extension Range<Int> {
    /// Goes through rows a few at a time, with room for the values of as many: what rows share is
    /// then decoded once for some of them.
    @unsafe
    func inFewRows(
        of columns: Int, _ body: (_ rows: Self, _ values: UnsafeMutablePointer<Float>) -> Void
    ) {
        let few = 4
        unsafe withUnsafeTemporaryAllocation(
            of: Float.self, capacity: few * columns
        ) { memory in
            guard let values = memory.baseAddress else { return }
            for first in stride(from: lowerBound, to: upperBound, by: few) {
                unsafe body(first..<Swift.min(first + few, upperBound), values)
            }
        }
    }
}

/// An input vector together with what every row's product needs of it.
@unsafe
public struct PreparedVector {
    /// The values, `count` of them.
    public let values: UnsafePointer<Float>

    /// The sums of each run of 16 values, `(count + 15) / 16` of them; the last may be shorter.
    public let sumsOf16: UnsafePointer<Float>

    /// The number of values: the matrix's columns.
    public let count: Int

    /// Describes memory that stays valid for the duration of one product.
    public init(values: UnsafePointer<Float>, sumsOf16: UnsafePointer<Float>, count: Int) {
        unsafe self.values = values
        unsafe self.sumsOf16 = sumsOf16
        unsafe self.count = count
    }
}

extension WeightMatrix {
    /// All rows as float32, row after row.
    ///
    /// - Complexity: O(`rows` · `columns`) time and memory.
    public func decoded() -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            if let base = buffer.baseAddress { unsafe decode(rows: 0..<rows, into: base) }
            count = rows * columns
        }
    }

    /// All rows as float32, row after row, in the memory that tensors use.
    public func decodedFloats() -> FloatArray {
        var result = FloatArray(uninitializedCount: rows * columns)
        if result.count > 0 {
            unsafe decode(rows: 0..<rows, into: result.mutablePointer)
        }
        return result
    }

    /// Decodes one row into an array that has room for it.
    ///
    /// - Parameters:
    ///   - row: Within `0 ..< rows`.
    ///   - output: At least `offset + columns` floats long.
    ///   - offset: Where the row goes.
    public func decode(row: Int, into output: inout [Float], at offset: Int = 0) {
        precondition((0..<rows).contains(row) && offset >= 0 && offset + columns <= output.count)
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            unsafe decode(rows: row..<row + 1, into: buffer.baseAddress! + offset)
        }
    }
}
