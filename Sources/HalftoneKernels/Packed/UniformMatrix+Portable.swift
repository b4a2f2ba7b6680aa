import HalftoneFormats

extension UniformMatrix {
    /// Decodes rows through vectors of 32 codes.
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

    /// Multiplies rows through vectors of 32 codes and of eight floats.
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
        for run in 0..<(columns + 31) / 32 {
            let thirtyTwo = unsafe Self.unpackRun(codes + run * 4 * bits, bits: bits)
            let floats = SIMD32<Float>(thirtyTwo) - middle
            unsafe UnsafeMutableRawPointer(output + run * 32)
                .storeBytes(of: floats, as: SIMD32<Float>.self)
        }
    }

    /// The 32 codes of a run in element order.
    @inline(__always) @unsafe
    private static func unpackRun(_ run: UnsafePointer<UInt8>, bits: Int) -> SIMD32<UInt8> {
        var chunk = unsafe UnsafeRawPointer(run)
        if bits == 8 { return unsafe chunk.loadUnaligned(as: SIMD32<UInt8>.self) }
        var codes = SIMD32<UInt8>.zero
        if bits & 4 != 0 {
            let bytes = unsafe chunk.loadUnaligned(as: SIMD16<UInt8>.self)
            codes = SIMD32(lowHalf: bytes & 15, highHalf: bytes &>> 4)
            unsafe chunk += 16
        }
        if bits & 2 != 0 {
            let bytes = unsafe chunk.loadUnaligned(as: SIMD8<UInt8>.self)
            let two = SIMD32(
                lowHalf: SIMD16(lowHalf: bytes & 3, highHalf: bytes &>> 2 & 3),
                highHalf: SIMD16(lowHalf: bytes &>> 4 & 3, highHalf: bytes &>> 6))
            codes = codes &<< 2 | two
            unsafe chunk += 8
        }
        if bits & 1 != 0 {
            let bytes = unsafe chunk.loadUnaligned(as: SIMD4<UInt8>.self)
            let places = SIMD8<UInt8>(0, 1, 2, 3, 4, 5, 6, 7)
            func spread(_ byte: UInt8) -> SIMD8<UInt8> { SIMD8(repeating: byte) &>> places & 1 }
            let one = SIMD32(
                lowHalf: SIMD16(lowHalf: spread(bytes.x), highHalf: spread(bytes.y)),
                highHalf: SIMD16(lowHalf: spread(bytes.z), highHalf: spread(bytes.w)))
            codes = codes &<< 1 | one
        }
        return codes
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
