/// Codes that are trained: each is the integer nearest to a float, its latent, which lies between 0 and
/// the largest code; groups of them, one after another, have a scale and a zero point each.
///
/// Shared out over ``WorkerPool/current``.
package enum CodeLatents {
    /// `scale · (code − zero)` for each latent.
    ///
    /// - Parameters:
    ///   - latents: Whole groups.
    ///   - scales: One for each group.
    ///   - zeros: As many, in codes.
    package static func values(
        _ latents: FloatArray, scales: FloatArray, zeros: FloatArray
    ) -> FloatArray {
        let size = groupSize(latents, scales, zeros)
        var result = FloatArray(uninitializedCount: latents.count)
        let output = unsafe SharedMutable(result.mutablePointer)
        let (from, scale) = unsafe (Shared(latents.pointer), Shared(scales.pointer))
        let zero = unsafe Shared(zeros.pointer)
        unsafe RowFunctions.eachRow(scales.count, size, cost: 1) { group in
            let (factor, offset) = unsafe (scale.pointer[group], zero.pointer[group])
            unsafe FloatRun.map(
                from.pointer + group * size, into: output.pointer + group * size, count: size
            ) { (nearest($0) - offset) * factor }
        }
        return result
    }

    /// From the gradient of ``values(_:scales:zeros:)`` that of the latents, as if rounding were nothing,
    /// and that of the scales.
    ///
    /// - Parameter upstream: The gradient of values, which becomes that of latents.
    /// - Returns: A number for each scale.
    package static func pullback(
        _ upstream: inout FloatArray, latents: FloatArray, scales: FloatArray, zeros: FloatArray
    ) -> FloatArray {
        let size = groupSize(latents, scales, zeros)
        precondition(upstream.count == latents.count, "there is a gradient for each latent")
        var result = FloatArray(uninitializedCount: scales.count)
        let sums = unsafe SharedMutable(result.mutablePointer)
        let (from, scale) = unsafe (Shared(latents.pointer), Shared(scales.pointer))
        let zero = unsafe Shared(zeros.pointer)
        unsafe upstream.rewrite { gradient, output in
            unsafe RowFunctions.eachRow(scales.count, size, cost: 2) { group in
                let (factor, offset) = unsafe (scale.pointer[group], zero.pointer[group])
                let codes = unsafe from.pointer + group * size
                let slope = unsafe gradient.pointer + group * size
                var sum = SIMD8<Float>.zero
                var index = 0
                while index < size {
                    let rest = size &- index
                    let g = unsafe FloatRun.load(slope + index, upTo: rest, padding: 0)
                    let latent = unsafe FloatRun.load(codes + index, upTo: rest, padding: 0)
                    sum += g * (nearest(latent) - offset)
                    unsafe FloatRun.store(
                        g * factor, to: output.pointer + group * size + index, upTo: rest)
                    index &+= 8
                }
                unsafe sums.pointer[group] = VectorMath.sum(sum)
            }
        }
        return result
    }

    /// A step against the gradient, which is divided by the size that its row and column let expect;
    /// latents stay within the range of codes.
    ///
    /// With `R` and `C` the sums of squares of a row and a column and `T` that of all, the square that is
    /// expected of a gradient is `R · C / T`.
    ///
    /// - Parameters:
    ///   - latents: `[rows, columns]`.
    ///   - gradient: As many.
    ///   - columns: 1 or more.
    ///   - rate: How far a latent moves whose gradient is as large as expected.
    ///   - largest: The largest code.
    package static func step(
        _ latents: inout FloatArray, gradient: FloatArray, columns: Int, rate: Float, largest: Float
    ) {
        precondition(gradient.count == latents.count, "there is a gradient for each latent")
        precondition(columns > 0 && latents.count % columns == 0, "rows are whole")
        let rows = latents.count / columns
        let from = unsafe Shared(gradient.pointer)
        var rowSums = FloatArray(uninitializedCount: rows)
        let ofRows = unsafe SharedMutable(rowSums.mutablePointer)
        // Sums of some rows each, whose borders depend on the shape alone.
        let block = 64
        let blocks = (rows + block - 1) / block
        var columnSums = FloatArray(repeating: 0, count: max(blocks, 1) * columns)
        let ofColumns = unsafe SharedMutable(columnSums.mutablePointer)
        WorkerPool.current.each(blocks, grain: 1) { range in
            for index in range {
                let sums = unsafe ofColumns.pointer + index * columns
                for row in index * block..<min((index + 1) * block, rows) {
                    let slope = unsafe from.pointer + row * columns
                    unsafe ofRows.pointer[row] = FloatRun.sum(slope, count: columns) { $0 * $0 }
                    unsafe FloatRun.map(sums, with: slope, count: columns) { $0 + $1 * $1 }
                }
            }
        }
        for index in 0..<blocks where index > 0 {
            unsafe FloatRun.map(
                ofColumns.pointer, with: ofColumns.pointer + index * columns, count: columns
            ) { $0 + $1 }
        }
        let total = rowSums.array.reduce(0, +)
        guard total > 0, total.isFinite else { return }
        let to = unsafe SharedMutable(latents.mutablePointer)
        let (top, one) = (SIMD8<Float>(repeating: largest), SIMD8<Float>(repeating: 1))
        unsafe RowFunctions.eachRow(rows, columns, cost: 1) { row in
            // Where nothing depends on a row its latents stay, as those of columns do.
            let ofRow = unsafe ofRows.pointer[row]
            guard ofRow > 0 else { return }
            let share = rate * (total / ofRow).squareRoot()
            let slope = unsafe from.pointer + row * columns
            let latent = unsafe to.pointer + row * columns
            unsafe FloatRun.map(latent, into: latent, count: columns) { value, index, rest in
                let g = unsafe FloatRun.load(slope + index, upTo: rest, padding: 0)
                let column = unsafe FloatRun.load(
                    UnsafePointer(ofColumns.pointer) + index, upTo: rest, padding: 0)
                let size = column.squareRoot().kept(where: column .> .zero, else: one)
                return (value - share * g / size).clamped(lowerBound: .zero, upperBound: top)
            }
        }
        withExtendedLifetime((rowSums, columnSums)) {}
    }

    /// The integers nearest to numbers between 0 and 255, halves to even.
    @inline(__always)
    private static func nearest(_ x: SIMD8<Float>) -> SIMD8<Float> { (x + 0x1.8p23) - 0x1.8p23 }

    private static func groupSize(
        _ latents: FloatArray, _ scales: FloatArray, _ zeros: FloatArray
    ) -> Int {
        precondition(scales.count == zeros.count, "a group has a scale and a zero point")
        let size = latents.count / max(scales.count, 1)
        precondition(size * scales.count == latents.count, "groups are whole")
        return size
    }
}
