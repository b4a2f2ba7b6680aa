import COpenBLAS

/// The sum of `x·xᵀ` over vectors `x` that come in batches: the second moments of what flows into
/// a layer, in float32.
///
/// The sum does not depend on the number of threads, but on how vectors are cut into batches.
public struct GramSum: Sendable {
    /// Numbers of a vector.
    public let width: Int

    /// Row after row; only tiles on and above the diagonal are kept up.
    private var elements: FloatArray

    /// Rows and columns of a tile.
    private static let tile = 192

    /// A sum of nothing.
    ///
    /// - Complexity: 4 · `width`² bytes.
    public init(width: Int) {
        precondition(width >= 0, "a vector has no negative length")
        self.width = width
        elements = FloatArray(repeating: 0, count: width * width)
    }

    /// Takes a sum as ``symmetric()`` gave it.
    ///
    /// - Parameters:
    ///   - width: Numbers of a vector.
    ///   - elements: `width²` of them, row after row.
    public init(width: Int, elements: FloatArray) {
        precondition(elements.count == width * width, "the matrix is square")
        self.width = width
        self.elements = elements
    }

    /// Takes a sum from the rows of its upper triangle, one after another.
    ///
    /// - Parameters:
    ///   - width: Numbers of a vector.
    ///   - upper: Row *r* has the elements from column *r* on.
    public init(width: Int, upper: [Float]) {
        precondition(upper.count == width * (width + 1) / 2, "the triangle of a square matrix")
        self.width = width
        elements = FloatArray(count: width * width) { span in
            var next = 0
            for row in 0..<width {
                for column in row..<width {
                    span[row * width + column] = upper[next]
                    span[column * width + row] = upper[next]
                    next += 1
                }
            }
        }
    }

    /// A row of the upper triangle: the elements from the diagonal on.
    public func upper(row: Int) -> [Float] {
        Array(elements[row * width + row..<(row + 1) * width])
    }

    /// Adds vectors.
    ///
    /// - Parameters:
    ///   - vectors: `[count, width]`, row after row.
    ///   - pool: The threads to use.
    /// - Complexity: `count` · `width`² multiplications and additions, about.
    public mutating func add(_ vectors: FloatArray, pool: WorkerPool) {
        guard width > 0 else { return }
        precondition(vectors.count % width == 0, "whole vectors")
        unsafe add(vectors.pointer, count: vectors.count / width, pool)
    }

    /// Adds rows of a buffer.
    package mutating func add(_ buffer: FloatBuffer, rows: Range<Int>, pool: WorkerPool) {
        precondition(rows.lowerBound >= 0 && rows.upperBound * width <= buffer.count)
        unsafe add(buffer.base + rows.lowerBound * width, count: rows.count, pool)
    }

    @unsafe
    private mutating func add(_ vectors: UnsafePointer<Float>, count: Int, _ pool: WorkerPool) {
        guard count > 0, width > 0 else { return }
        // One BLAS thread per caller: the pool decides who computes.
        openblas_set_num_threads(1)
        let parts = (width + Self.tile - 1) / Self.tile
        let tiles = (0..<parts).flatMap { row in (row..<parts).map { (row, $0) } }
        let x = unsafe Shared(vectors)
        let sum = unsafe SharedMutable(elements.mutablePointer)
        let width = width
        pool.each(tiles.count, grain: 1) { range in
            for (row, column) in tiles[range] {
                let (first, second) = (row * Self.tile, column * Self.tile)
                unsafe cblas_sgemm(
                    CblasRowMajor, CblasTrans, CblasNoTrans,
                    blasint(min(Self.tile, width - first)),
                    blasint(min(Self.tile, width - second)), blasint(count),
                    1, x.pointer + first, blasint(width), x.pointer + second, blasint(width),
                    1, sum.pointer + first * width + second, blasint(width))
            }
        }
    }

    /// The sum, both triangles, row after row.
    public func symmetric() -> FloatArray {
        var result = elements
        guard width > 0 else { return result }
        let base = unsafe result.mutablePointer
        for row in 0..<width {
            for column in 0..<row {
                unsafe base[row * width + column] = base[column * width + row]
            }
        }
        return result
    }

    /// The sum, divided, with its rows and columns in another order.
    ///
    /// - Parameters:
    ///   - order: For each row and column of the result, which one of the sum.
    ///   - divisor: What is divided by.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Returns: Square, as many rows as the order has.
    /// - Complexity: 8 · rows² bytes.
    public func matrix(
        order: [Int], dividedBy divisor: Double, pool: WorkerPool
    ) -> DenseMatrix<Double> {
        let count = order.count
        precondition(order.allSatisfy { (0..<width).contains($0) }, "rows of the sum")
        let factor = 1 / divisor
        let values = unsafe [Double](unsafeUninitializedCapacity: count * count) {
            guard let base = $0.baseAddress else { return }
            let target = unsafe SharedMutable(base)
            pool.each(count, grain: 16) { rows in
                let source = elements.span
                for row in rows {
                    let from = order[row]
                    let begin = unsafe target.pointer + row * count
                    for (column, to) in order.enumerated() {
                        let place = from < to ? from * width + to : to * width + from
                        unsafe (begin + column).initialize(to: Double(source[place]) * factor)
                    }
                }
            }
            $1 = count * count
        }
        return DenseMatrix(rows: count, columns: count, elements: values)
    }

    /// Elements of the diagonal, `width` of them: the sums of squares.
    public var diagonal: [Float] { (0..<width).map { elements[$0 * width + $0] } }
}
