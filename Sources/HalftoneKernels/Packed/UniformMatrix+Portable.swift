import HalftoneFormats

extension UniformMatrix {
    /// Decodes rows run by run.
    @unsafe
    func decodePortably(
        _ rows: Int, _ codes: UnsafePointer<UInt8>, _ scales: UnsafePointer<Float>,
        _ zeros: UnsafePointer<Float>?, into output: UnsafeMutablePointer<Float>
    ) {
        let padded = (columns + 31) / 32 * 32
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: padded) { memory in
            let row = memory.baseAddress!
            for index in 0..<rows {
                unsafe unpackRow(codes + index * bytesPerRow, less: 0, into: row)
                let target = unsafe output + index * columns
                for group in 0..<groupsPerRow {
                    let at = index * groupsPerRow + group
                    let scale = unsafe scales[at]
                    let zero = unsafe zeros?[at] ?? format.symmetricZeroPoint
                    for column in group * groupSize..<min((group + 1) * groupSize, columns) {
                        unsafe target[column] = scale * (row[column] - zero)
                    }
                }
            }
        }
    }

    /// Multiplies rows run by run, eight floats at a time.
    ///
    /// - Parameters:
    ///   - groupSums: The sums of the input over each group.
    ///   - scratch: Room for a row of floats, rounded up to whole runs.
    @unsafe
    func dotPortably(
        _ rows: Int, _ codes: UnsafePointer<UInt8>, _ scales: UnsafePointer<Float>,
        _ zeros: UnsafePointer<Float>?, _ input: PreparedVector,
        _ groupSums: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        // Codes less the middle one are small, so that little is lost when the rest of the zero
        // point is taken off the sum.
        let middle: Float = format.bits == 1 ? 0 : Float(1 << (format.bits - 1))
        for index in 0..<rows {
            unsafe unpackRow(codes + index * bytesPerRow, less: middle, into: scratch)
            var sum: Float = 0
            for group in 0..<groupsPerRow {
                let at = index * groupsPerRow + group
                let zero = unsafe (zeros?[at] ?? format.symmetricZeroPoint) - middle
                let range = group * groupSize..<min((group + 1) * groupSize, columns)
                let part = unsafe Self.sumOfProducts(scratch, input.values, range)
                unsafe sum += scales[at] * (part - zero * groupSums[group])
            }
            unsafe output[index] = sum
        }
    }

    /// Writes the codes of a row as floats, up to the end of its last run.
    @unsafe
    private func unpackRow(
        _ codes: UnsafePointer<UInt8>, less middle: Float, into output: UnsafeMutablePointer<Float>
    ) {
        let bits = format.bits
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { memory in
            let run = memory.baseAddress!
            for index in 0..<(columns + 31) / 32 {
                unsafe Self.unpackRun(codes + index * 4 * bits, bits: bits, into: run)
                let target = unsafe output + index * 32
                for element in 0..<32 { unsafe target[element] = Float(run[element]) - middle }
            }
        }
    }

    /// Writes the 32 codes of a run, in plain loops that compilers turn into vector instructions.
    @inline(__always) @unsafe
    private static func unpackRun(
        _ run: UnsafePointer<UInt8>, bits: Int, into codes: UnsafeMutablePointer<UInt8>
    ) {
        if bits == 8 { return unsafe codes.update(from: run, count: 32) }
        var chunk = unsafe run
        unsafe codes.update(repeating: 0, count: 32)
        if bits & 4 != 0 {
            for j in 0..<16 {
                unsafe codes[j] = chunk[j] & 15
                unsafe codes[j &+ 16] = chunk[j] &>> 4
            }
            unsafe chunk += 16
        }
        if bits & 2 != 0 {
            for quarter in 0..<4 {
                let part = unsafe codes + 8 &* quarter
                let shift = UInt8(truncatingIfNeeded: 2 &* quarter)
                for j in 0..<8 { unsafe part[j] = part[j] &<< 2 | (chunk[j] &>> shift) & 3 }
            }
            unsafe chunk += 8
        }
        if bits & 1 != 0 {
            for j in 0..<4 {
                let part = unsafe codes + 8 &* j
                let byte = unsafe chunk[j]
                for bit in 0..<8 {
                    let one = byte &>> UInt8(truncatingIfNeeded: bit) & 1
                    unsafe part[bit] = part[bit] &<< 1 | one
                }
            }
        }
    }

    /// The sum of products of two runs of floats over a range.
    @unsafe
    private static func sumOfProducts(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ range: Range<Int>
    ) -> Float {
        var eight = SIMD8<Float>.zero
        var index = range.lowerBound
        while index &+ 8 <= range.upperBound {
            unsafe eight += FloatRun.load(a + index) * FloatRun.load(b + index)
            index &+= 8
        }
        var sum = VectorMath.sum(eight)
        while index < range.upperBound {
            unsafe sum += a[index] * b[index]
            index &+= 1
        }
        return sum
    }
}
