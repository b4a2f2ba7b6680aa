import HalftoneKernels
import Testing

/// Codes that are trained, beside the formulas written out.
struct CodeLatentsTests {
    private let scales = FloatArray([0.5, 0, 2])
    private let zeros = FloatArray([1, 2, 0.5])

    /// Numbers between 0 and 3, halves among them.
    private func latents(_ size: Int) -> [Float] {
        (0..<3 * size).map { Float($0 * 7 % 25) / 8 }
    }

    /// Numbers of both signs.
    private func gradient(_ size: Int) -> [Float] {
        (0..<3 * size).map { Float($0 * 5 % 17) - 8 }
    }

    @Test(arguments: [1, 8, 20, 64])
    func valuesAndGradientsAreTheFormulas(size: Int) {
        let (latents, upstream) = (latents(size), gradient(size))
        let values = CodeLatents.values(FloatArray(latents), scales: scales, zeros: zeros).array
        var slopes = FloatArray(upstream)
        let sums = CodeLatents.pullback(
            &slopes, latents: FloatArray(latents), scales: scales, zeros: zeros
        ).array
        for group in 0..<3 {
            let (scale, zero) = (scales.array[group], zeros.array[group])
            var sum: Float = 0
            for place in group * size..<(group + 1) * size {
                let level = latents[place].rounded(.toNearestOrEven) - zero
                #expect(values[place] == level * scale)
                #expect(slopes.array[place] == upstream[place] * scale)
                sum += upstream[place] * level
            }
            #expect(abs(sums[group] - sum) < 1e-3)
        }
    }

    @Test(arguments: [1, 8, 20, 64])
    func stepsAreSharesOfWhatRowsAndColumnsLetExpect(columns: Int) {
        let (rows, start) = (200, (0..<200 * columns).map { Float($0 * 7 % 25) / 8 })
        var slopes = (0..<rows * columns).map { Float($0 * 5 % 17) - 8 }
        // Nothing depends on a row and a column.
        for place in 3 * columns..<4 * columns { slopes[place] = 0 }
        if columns > 1 { for row in 0..<rows { slopes[row * columns + 1] = 0 } }
        var (ofRows, ofColumns) = (
            [Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns)
        )
        for (place, slope) in slopes.enumerated() {
            ofRows[place / columns] += Double(slope * slope)
            ofColumns[place % columns] += Double(slope * slope)
        }
        let total = ofRows.reduce(0, +)
        var latents = FloatArray(start)
        CodeLatents.step(
            &latents, gradient: FloatArray(slopes), columns: columns, rate: 0.5, largest: 3)
        for (place, slope) in slopes.enumerated() {
            let square = ofRows[place / columns] * ofColumns[place % columns] / total
            let moved = square > 0 ? Double(slope) / square.squareRoot() / 2 : 0
            let expected = min(max(Double(start[place]) - moved, 0), 3)
            #expect(abs(Double(latents.array[place]) - expected) < 1e-4)
        }
    }

    @Test(arguments: [Float.nan, .infinity])
    func gradientsThatAreNoNumbersMoveNothing(slope: Float) {
        let start = latents(8)
        var latents = FloatArray(start)
        var slopes = gradient(8)
        slopes[5] = slope
        CodeLatents.step(
            &latents, gradient: FloatArray(slopes), columns: 8, rate: 0.5, largest: 3)
        #expect(latents.array == start)
    }
}
