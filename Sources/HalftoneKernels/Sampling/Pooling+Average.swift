extension Pooling {
    /// The sum of each window times a factor of its row and one of its column.
    ///
    /// - Parameters:
    ///   - input: `[planes, height, width]`.
    ///   - rowFactors: One per output row: 1 over the window's length gives averages.
    ///   - columnFactors: One per output column.
    ///   - output: `[planes, rows, columns]`, overwritten; 0 for an empty window.
    public func average(
        _ input: Span<Float>, rowFactors: [Float], columnFactors: [Float],
        into output: inout MutableSpan<Float>
    ) {
        precondition(input.count == inputCount && output.count == outputCount)
        precondition(rowFactors.count == rows.count && columnFactors.count == columns.count)
        precondition(rowStep == 1 && columnStep == 1, "averages are of adjacent positions")
        let grain = max(1, 16384 / max(1, height * width))
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                nonisolated(unsafe) let (x, y) = unsafe (input, output)
                pool.split(planes, grain: grain) { range in
                    for plane in range {
                        unsafe average(plane, x, rowFactors, columnFactors, y)
                    }
                }
            }
        }
    }

    @unsafe
    private func average(
        _ plane: Int, _ input: UnsafeBufferPointer<Float>, _ rowFactors: [Float],
        _ columnFactors: [Float], _ output: UnsafeMutableBufferPointer<Float>
    ) {
        guard let start = input.baseAddress else {
            for index in 0..<rows.count * columns.count {
                unsafe output[plane * rows.count * columns.count + index] = 0
            }
            return
        }
        let base = unsafe start + plane * height * width
        var target = plane * rows.count * columns.count
        for (i, row) in rows.enumerated() {
            for (j, column) in columns.enumerated() {
                var sum: Float = 0
                if column.count == width {
                    // Whole rows lie one after another.
                    unsafe sum = FloatRun.sum(
                        base + row.lowerBound * width, count: row.count * width
                    ) { $0 }
                } else {
                    for y in row {
                        for x in column { unsafe sum += base[y &* width &+ x] }
                    }
                }
                unsafe output[target] = sum * (rowFactors[i] * columnFactors[j])
                target &+= 1
            }
        }
    }

    /// The gradient of ``average(_:rowFactors:columnFactors:into:)`` with respect to the input.
    ///
    /// - Parameters:
    ///   - output: The gradient of the output, `[planes, rows, columns]`.
    ///   - rowFactors: As they were.
    ///   - columnFactors: As they were.
    ///   - input: `[planes, height, width]`, overwritten.
    public func averageGradient(
        _ output: Span<Float>, rowFactors: [Float], columnFactors: [Float],
        into input: inout MutableSpan<Float>
    ) {
        precondition(input.count == inputCount && output.count == outputCount)
        precondition(rowFactors.count == rows.count && columnFactors.count == columns.count)
        let grain = max(1, 16384 / max(1, height * width))
        unsafe output.withUnsafeBufferPointer { output in
            unsafe input.withUnsafeMutableBufferPointer { input in
                nonisolated(unsafe) let (g, x) = unsafe (output, input)
                pool.split(planes, grain: grain) { range in
                    for plane in range {
                        unsafe averageGradient(plane, g, rowFactors, columnFactors, x)
                    }
                }
            }
        }
    }

    @unsafe
    private func averageGradient(
        _ plane: Int, _ output: UnsafeBufferPointer<Float>, _ rowFactors: [Float],
        _ columnFactors: [Float], _ input: UnsafeMutableBufferPointer<Float>
    ) {
        let base = plane * height * width
        for index in base..<base + height * width { unsafe input[index] = 0 }
        var source = plane * rows.count * columns.count
        for (i, row) in rows.enumerated() {
            for (j, column) in columns.enumerated() {
                let share = unsafe output[source] * (rowFactors[i] * columnFactors[j])
                source &+= 1
                for y in row {
                    let start = base &+ y &* width
                    for x in column { unsafe input[start &+ x] += share }
                }
            }
        }
    }
}
