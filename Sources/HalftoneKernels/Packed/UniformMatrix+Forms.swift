import HalftoneFormats
import _HalftoneShims

extension UniformMatrix {
    /// Which form of a kernel does the work.
    package enum Form: Sendable, CaseIterable {
        /// The definition, element by element.
        case reference
        /// Vectors as Swift has them on every processor.
        case portable
        /// The fastest form that this processor has.
        case best
    }

    /// Decodes whole rows to float32, bit for bit as the definition says.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        unsafe decode(rows: range, into: output, form: .best)
    }

    /// Multiplies rows with one vector: `Σ_g scale_g · (Σ code · x − zeroPoint_g · Σ x)`.
    ///
    /// Sums are in float32, in an order that depends on the processor.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe dot(rows: range, input: input, output: output, form: .best)
    }

    /// The rows decoded in a given form, so that tests can compare forms.
    @unsafe
    package func decode(
        rows range: Range<Int>, into output: UnsafeMutablePointer<Float>, form: Form
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        guard columns > 0, !range.isEmpty else { return }
        switch form {
        case .reference:
            unsafe decodeByDefinition(range, into: output)
        case .best where Processor.hasAVX2:
            unsafe withParts(from: range.lowerBound) { codes, scales, zeros in
                unsafe halftone_packed_decode_avx2(
                    Int32(format.bits), codes, Int64(range.count), Int64(columns),
                    Int64(kernelGroupSize), scales, zeros, format.symmetricZeroPoint, output)
            }
        case .portable, .best:
            unsafe withParts(from: range.lowerBound) { codes, scales, zeros in
                unsafe decodePortably(range.count, codes, scales, zeros, into: output)
            }
        }
    }

    /// The products computed in a given form, so that tests can compare forms.
    @unsafe
    package func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>,
        form: Form
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe precondition(input.count == columns, "the vector has a value per column")
        guard columns > 0, !range.isEmpty else {
            return unsafe output.update(repeating: 0, count: range.count)
        }
        if form == .reference {
            return unsafe dotByDefinition(range, input, into: output)
        }
        let usesKernel = form == .best && Processor.hasAVX2
        // Where the kernel needs no scratch, sums of a kibibyte or less stay on the stack.
        let padded = usesKernel && kernelGroupSize % 16 == 0 ? 0 : (columns + 31) / 32 * 32
        unsafe withUnsafeTemporaryAllocation(
            of: Float.self, capacity: groupsPerRow + padded
        ) { memory in
            let groupSums = memory.baseAddress!
            let scratch = unsafe groupSums + groupsPerRow
            unsafe input.sumGroups(of: groupSize, into: groupSums)
            unsafe withParts(from: range.lowerBound) { codes, scales, zeros in
                if usesKernel {
                    // What the kernel takes off the codes; only a zero point elsewhere needs sums.
                    let middle: Float = format.bits == 1 ? 0 : Float(1 << (format.bits - 1))
                    let needsSums = !format.isSymmetric || format.symmetricZeroPoint != middle
                    unsafe halftone_packed_dot_avx2(
                        Int32(format.bits), codes, Int64(range.count), Int64(columns),
                        Int64(kernelGroupSize), scales, zeros, format.symmetricZeroPoint,
                        input.values, needsSums ? UnsafePointer(groupSums) : nil, scratch, output)
                } else {
                    unsafe dotPortably(
                        range.count, codes, scales, zeros, input, groupSums, scratch, into: output)
                }
            }
        }
    }

    /// The group size for kernels: a group that covers the row is as good as one of whole runs.
    var kernelGroupSize: Int {
        groupSize >= columns ? (columns + 31) / 32 * 32 : groupSize
    }

    /// Calls a closure with the codes, scales and zero points from a row on.
    @unsafe
    func withParts<Result>(
        from row: Int,
        _ body: (UnsafePointer<UInt8>, UnsafePointer<Float>, UnsafePointer<Float>?) -> Result
    ) -> Result {
        let start = row * groupsPerRow
        return unsafe codes.withUnsafeBytes { bytes in
            let codes = unsafe bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
            let first = unsafe codes + row * bytesPerRow
            return unsafe scales.withUnsafeBufferPointer { scales in
                let scales = unsafe scales.baseAddress! + start
                guard let zeroPoints else { return unsafe body(first, scales, nil) }
                return unsafe zeroPoints.withUnsafeBufferPointer { zeros in
                    unsafe body(first, scales, zeros.baseAddress! + start)
                }
            }
        }
    }
}

extension UniformMatrix {
    /// The products with one vector in a given form, without pointers.
    package func products(with input: [Float], form: Form) -> [Float] {
        precondition(input.count == columns, "the vector has a value per column")
        var output = [Float](repeating: 0, count: rows)
        guard rows > 0, columns > 0 else { return output }
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            let target = buffer.baseAddress!
            unsafe PreparedVector.prepare(input) { vector in
                unsafe dot(rows: 0..<rows, input: vector, output: target, form: form)
            }
        }
        return output
    }

    /// All rows decoded in a given form.
    package func decoded(form: Form) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            if let base = buffer.baseAddress {
                unsafe decode(rows: 0..<rows, into: base, form: form)
            }
            count = rows * columns
        }
    }
}
