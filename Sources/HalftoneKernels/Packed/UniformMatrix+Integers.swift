import HalftoneFormats
import _HalftoneShims

extension UniformMatrix {
    /// Whether groups are whole half runs, which integer products need.
    public var multipliesIntegers: Bool { kernelGroupSize % 16 == 0 }

    /// Multiplies rows with a vector of bytes:
    /// `Σ_g scale_g · (Σ_run inputScale · Σ code · byte − zeroPoint_g · Σ input)`.
    ///
    /// Sums within a run are exact integers; their scaled sum is in float32, in the same order on
    /// every processor that has AVX2.
    @unsafe
    public func dot(
        rows range: Range<Int>, integers input: QuantizedVector,
        output: UnsafeMutablePointer<Float>
    ) {
        unsafe dot(rows: range, integers: input, output: output, form: .best)
    }

    /// The products computed in a given form, so that tests can compare forms.
    @unsafe
    package func dot(
        rows range: Range<Int>, integers input: QuantizedVector,
        output: UnsafeMutablePointer<Float>, form: Form
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe precondition(input.count == columns, "the vector has a value per column")
        precondition(multipliesIntegers, "groups are whole half runs")
        guard columns > 0, !range.isEmpty else {
            return unsafe output.update(repeating: 0, count: range.count)
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: groupsPerRow) { memory in
            let groupSums = memory.baseAddress!
            unsafe input.sumGroups(of: kernelGroupSize, into: groupSums)
            guard form == .best, Processor.hasAVX2 else {
                return unsafe integersByDefinition(range, input, groupSums, into: output)
            }
            let multiply =
                Processor.hasVNNI
                ? unsafe halftone_packed_dot_int8_vnni : unsafe halftone_packed_dot_int8_avx2
            unsafe withParts(from: range.lowerBound) { codes, scales, zeros in
                unsafe multiply(
                    Int32(format.bits), codes, Int64(range.count), Int64(columns),
                    Int64(kernelGroupSize), scales, zeros, format.symmetricZeroPoint,
                    input.codes, input.scales, groupSums, output)
            }
        }
    }

    /// The definition of the products with bytes.
    @unsafe
    private func integersByDefinition(
        _ range: Range<Int>, _ input: QuantizedVector, _ groupSums: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        for (index, row) in range.enumerated() {
            var product: Float = 0
            for group in 0..<groupsPerRow {
                let at = row * groupsPerRow + group
                let zero = zeroPoints?[at] ?? format.symmetricZeroPoint
                var sum: Float = 0
                var start = group * kernelGroupSize
                let end = min(start + kernelGroupSize, columns)
                while start < end {
                    // Up to the end of the run or of the group.
                    let stop = min((start / 32 + 1) * 32, end)
                    var integers: Int32 = 0
                    for column in start..<stop {
                        let code = PackedCodes.code(
                            of: column % 32, in: codes.span,
                            run: row * bytesPerRow + column / 32 * 4 * format.bits,
                            bits: format.bits)
                        unsafe integers &+= Int32(code) &* Int32(input.codes[column])
                    }
                    unsafe sum += Float(integers) * input.scales[start / 32]
                    start = stop
                }
                unsafe product += scales[at] * sum - scales[at] * zero * groupSums[group]
            }
            unsafe output[index] = product
        }
    }

    /// The products with a vector rounded to bytes, in a given form, without pointers.
    package func integerProducts(with input: [Float], form: Form) -> [Float] {
        precondition(input.count == columns, "the vector has a value per column")
        var output = [Float](repeating: 0, count: rows)
        guard rows > 0, columns > 0 else { return output }
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            let target = buffer.baseAddress!
            unsafe input.withUnsafeBufferPointer { input in
                unsafe QuantizedVector.quantize(input.baseAddress!, count: columns) { vector in
                    unsafe dot(rows: 0..<rows, integers: vector, output: target, form: form)
                }
            }
        }
        return output
    }
}
