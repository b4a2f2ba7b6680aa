import COpenBLAS
import _HalftoneConvolution
import _HalftoneShims

/// Products of float matrices by a library, split over ``WorkerPool/current``.
///
/// Large ones go to oneDNN where it has kernels for the processor's longest vectors, the others to
/// the BLAS; which is which follows from the lengths alone.
///
/// A product is cut into tiles whose borders depend on its lengths alone, so the number of threads
/// changes no bit. Transposed operands are read where they lie.
package struct DenseProduct: Sendable {
    /// Rows of the result.
    let rows: Int
    /// Columns of the result.
    let columns: Int
    /// Numbers multiplied for each.
    let depth: Int
    /// Whether the first operand is stored `[depth, rows]`, the second `[columns, depth]`.
    let transposesFirst: Bool
    let transposesSecond: Bool

    /// Multiplications that a tile has at most, until there are 64 tiles.
    private static let tileWork = 1 << 26

    /// Multiplications from which on a product is cut at all.
    private static let leastWork = 1 << 21

    /// Multiplications in a tile from which on oneDNN is ahead of the BLAS.
    private static let leastLargeWork = 1 << 21

    /// Whether oneDNN has kernels that are ahead of the BLAS: those were measured with AVX-512.
    private static let hasDNN = Processor.features & UInt32(HALFTONE_CPU_AVX512) != 0

    /// Describes `[rows, depth] · [depth, columns]`.
    package init(
        rows: Int, columns: Int, depth: Int, transposesFirst: Bool = false,
        transposesSecond: Bool = false
    ) {
        // One BLAS thread per caller: the pool decides who computes.
        Self.useOneThread
        self.rows = rows
        self.columns = columns
        self.depth = depth
        self.transposesFirst = transposesFirst
        self.transposesSecond = transposesSecond
    }

    private static let useOneThread: Void = openblas_set_num_threads(1)

    /// Multiplies pairs of matrices.
    ///
    /// - Parameters:
    ///   - first: Holds a matrix at each of `firstOffsets`.
    ///   - second: Holds a matrix at each of `secondOffsets`, as many.
    /// - Returns: The products one after another; zeros for a depth of 0.
    package func callAsFunction(
        _ first: FloatArray, at firstOffsets: [Int] = [0], _ second: FloatArray,
        at secondOffsets: [Int] = [0]
    ) -> FloatArray {
        let batch = firstOffsets.count
        precondition(secondOffsets.count == batch)
        precondition(firstOffsets.allSatisfy { $0 >= 0 && $0 + rows * depth <= first.count })
        precondition(secondOffsets.allSatisfy { $0 >= 0 && $0 + depth * columns <= second.count })
        guard rows * columns * batch > 0 else { return FloatArray() }
        guard depth > 0 else { return FloatArray(repeating: 0, count: batch * rows * columns) }
        var result = FloatArray(uninitializedCount: batch * rows * columns)
        let (a, b) = unsafe (Shared(first.pointer), Shared(second.pointer))
        let c = unsafe SharedMutable(result.mutablePointer)
        let (rowTiles, columnTiles) = tiles(batch)
        let tiles = rowTiles * columnTiles
        let work = rows * columns * depth / tiles
        let isLarge = work >= Self.leastLargeWork && !(transposesFirst && transposesSecond)
        let usesDNN = isLarge && Self.hasDNN
        WorkerPool.current.each(batch * tiles, grain: max(1, (1 << 17) / max(work, 1))) { range in
            for index in range {
                let (item, tile) = (index / tiles, index % tiles)
                let rowRange = Self.cut(rows, rowTiles, tile / columnTiles)
                let columnRange = Self.cut(columns, columnTiles, tile % columnTiles)
                unsafe multiply(
                    a.pointer + firstOffsets[item], b.pointer + secondOffsets[item],
                    c.pointer + item * rows * columns, rowRange, columnRange, usesDNN)
            }
        }
        return result
    }

    /// How many tiles the rows and the columns of each product are cut into.
    ///
    /// A power of two in all, so that few threads have equal shares. Operands are packed anew for
    /// each tile, which is least work for tiles that are nearly square.
    private func tiles(_ batch: Int) -> (Int, Int) {
        let work = rows * columns * depth
        var pieces = work < Self.leastWork || batch >= 8 ? 1 : 2
        while pieces > 1, pieces * batch < 64, work / pieces > Self.tileWork { pieces *= 2 }
        var best = (rows: 1, columns: 1)
        var least = Double.infinity
        var rowTiles = 1
        while rowTiles <= pieces {
            let columnTiles = pieces / rowTiles
            let cost = Double(rowTiles) / Double(rows) + Double(columnTiles) / Double(columns)
            if rows >= 32 * rowTiles, columns >= 32 * columnTiles, cost < least {
                (best, least) = ((rowTiles, columnTiles), cost)
            }
            rowTiles *= 2
        }
        return best
    }

    /// One of several parts of a length, with borders at multiples of 16.
    private static func cut(_ length: Int, _ parts: Int, _ part: Int) -> Range<Int> {
        guard parts > 1 else { return 0..<length }
        let units = (length + 15) / 16
        let first = part * units / parts * 16
        let end = part + 1 == parts ? length : (part + 1) * units / parts * 16
        return first..<end
    }

    @unsafe
    private func multiply(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
        _ rowRange: Range<Int>, _ columnRange: Range<Int>, _ usesDNN: Bool
    ) {
        let (row, column) = (rowRange.lowerBound, columnRange.lowerBound)
        if usesDNN {
            var product = halftone_dense_product()
            product.rows = Int64(rowRange.count)
            product.columns = Int64(columnRange.count)
            product.depth = Int64(depth)
            product.transposes_first = transposesFirst ? 1 : 0
            product.transposes_second = transposesSecond ? 1 : 0
            product.first_stride = Int64(transposesFirst ? rows : depth)
            product.second_stride = Int64(transposesSecond ? depth : columns)
            product.result_stride = Int64(columns)
            let failure = unsafe halftone_dense_product(
                &product, a + (transposesFirst ? row : row * depth),
                b + (transposesSecond ? column * depth : column), c + row * columns + column)
            precondition(failure == 0, "oneDNN could not multiply matrices")
            return
        }
        unsafe cblas_sgemm(
            CblasRowMajor, transposesFirst ? CblasTrans : CblasNoTrans,
            transposesSecond ? CblasTrans : CblasNoTrans,
            blasint(rowRange.count), blasint(columnRange.count), blasint(depth),
            1, a + (transposesFirst ? row : row * depth), blasint(transposesFirst ? rows : depth),
            b + (transposesSecond ? column * depth : column),
            blasint(transposesSecond ? depth : columns),
            0, c + row * columns + column, blasint(columns))
    }
}
