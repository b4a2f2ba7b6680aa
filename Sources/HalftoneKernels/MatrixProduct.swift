import COpenBLAS

/// Products of stored matrices with activations, spread over a pool of threads.
///
/// One or few vectors go through ``WeightMatrix/dot(rows:input:output:)`` on the packed bytes;
/// many go through tiles of decoded rows and the BLAS. Both give the product with the decoded
/// matrix up to the rounding of float32 sums.
public struct MatrixProduct: Sendable {
    /// The threads to use.
    public let pool: WorkerPool

    /// How vectors meet packed codes when there are few of them.
    public let activations: Activations

    /// How the vectors of a product are represented.
    public enum Activations: String, Sendable, CaseIterable, Codable {
        /// As they are.
        case float32
        /// As bytes with a scale per 32 values, where the matrix has integer products; faster, and
        /// each value is off by up to 1/254 of the largest of its 32.
        case int8
    }

    /// From this many vectors on, rows are decoded once and shared by all of them, in float32.
    public let tilesFrom: Int

    /// Floats of a decoded tile: 1 MiB, so that it stays in the cache while it is used.
    private static let tileFloats = 1 << 18

    /// Creates products on a pool.
    ///
    /// - Parameters:
    ///   - pool: The threads.
    ///   - activations: How vectors meet packed codes when there are few of them.
    ///   - tilesFrom: From this many vectors on, rows are decoded to float32 once for all of them;
    ///     `Int.max` treats every vector as if it came alone.
    public init(
        pool: WorkerPool, activations: Activations = .float32, tilesFrom: Int = 5
    ) {
        self.pool = pool
        self.activations = activations
        self.tilesFrom = tilesFrom
        // One BLAS thread per caller: the pool decides who computes.
        openblas_set_num_threads(1)
    }

    /// Multiplies `count` vectors with a matrix: `output[t, r] = Σ_c matrix[r, c] · input[t, c]`.
    ///
    /// - Parameters:
    ///   - matrix: `[rows, columns]`.
    ///   - input: `[count, columns]`, row-major, starting at `inputOffset`.
    ///   - inputOffset: Floats to skip in `input`.
    ///   - count: The number of vectors.
    ///   - output: `[count, rows]` from its start; must have room.
    public func callAsFunction(
        _ matrix: any WeightMatrix, _ input: [Float], from inputOffset: Int = 0, count: Int,
        into output: inout [Float]
    ) {
        let columns = matrix.columns
        let rows = matrix.rows
        precondition(inputOffset >= 0 && inputOffset + count * columns <= input.count)
        precondition(count * rows <= output.count)
        guard count > 0, rows > 0, columns > 0 else { return }
        unsafe input.withUnsafeBufferPointer { inputBuffer in
            unsafe output.withUnsafeMutableBufferPointer { outputBuffer in
                let x = unsafe Shared(inputBuffer.baseAddress! + inputOffset)
                let y = unsafe SharedMutable(outputBuffer.baseAddress!)
                if count < tilesFrom {
                    for token in 0..<count {
                        unsafe oneVector(
                            matrix, Shared(x.pointer + token * columns),
                            SharedMutable(y.pointer + token * rows))
                    }
                } else {
                    unsafe tiles(matrix, x, count, y)
                }
            }
        }
    }

    @unsafe
    private func oneVector(_ matrix: any WeightMatrix, _ x: Shared, _ y: SharedMutable) {
        let columns = matrix.columns
        if activations == .int8, matrix.multipliesIntegers {
            return unsafe QuantizedVector.quantize(x.pointer, count: columns) { vector in
                let vector = unsafe SharedVector(vector: vector)
                pool.split(matrix.rows, grain: 16) { range in
                    unsafe matrix.dot(
                        rows: range, integers: vector.vector, output: y.pointer + range.lowerBound)
                }
            }
        }
        let sums = unsafe Self.sumsOf16(UnsafeBufferPointer(start: x.pointer, count: columns))
        unsafe sums.withUnsafeBufferPointer { sums in
            let s = unsafe Shared(sums.baseAddress!)
            pool.split(matrix.rows, grain: 16) { range in
                let vector = unsafe PreparedVector(
                    values: x.pointer, sumsOf16: s.pointer, count: columns)
                unsafe matrix.dot(rows: range, input: vector, output: y.pointer + range.lowerBound)
            }
        }
    }

    @unsafe
    private func tiles(_ matrix: any WeightMatrix, _ x: Shared, _ count: Int, _ y: SharedMutable) {
        let columns = matrix.columns
        let rows = matrix.rows
        let perThread = (rows + pool.threadCount - 1) / pool.threadCount
        let tileRows = max(8, min(Self.tileFloats / columns, perThread))
        let tileCount = (rows + tileRows - 1) / tileRows
        pool.run(parts: tileCount) { tile in
            let range = tile * tileRows..<min((tile + 1) * tileRows, rows)
            unsafe withUnsafeTemporaryAllocation(
                of: Float.self, capacity: range.count * columns
            ) { scratch in
                let decoded = scratch.baseAddress!
                unsafe matrix.decode(rows: range, into: decoded)
                unsafe cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans,
                    blasint(count), blasint(range.count), blasint(columns),
                    1, x.pointer, blasint(columns), decoded, blasint(columns),
                    0, y.pointer + range.lowerBound, blasint(rows))
            }
        }
    }

    @unsafe
    private static func sumsOf16(_ values: UnsafeBufferPointer<Float>) -> [Float] {
        (0..<(values.count + 15) / 16).map { run in
            var sum: Float = 0
            for index in run * 16..<min(run * 16 + 16, values.count) {
                unsafe sum += values[index]
            }
            return sum
        }
    }
}

/// A vector that several threads read.
@unsafe
private struct SharedVector: @unchecked Sendable {
    let vector: QuantizedVector
}

/// A pointer that several threads read.
@unsafe
struct Shared: @unchecked Sendable {
    let pointer: UnsafePointer<Float>
    init(_ pointer: UnsafePointer<Float>) { unsafe self.pointer = pointer }
}

/// A pointer that several threads write through, each to its own part.
@unsafe
struct SharedMutable: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    init(_ pointer: UnsafeMutablePointer<Float>) { unsafe self.pointer = pointer }
}
