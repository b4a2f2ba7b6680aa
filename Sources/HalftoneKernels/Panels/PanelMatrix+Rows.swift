import _HalftoneShims

extension PanelMatrix: WeightMatrix {
    /// Decodes whole rows to float32, bit for bit as the definition says.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        unsafe decode(rows: range, into: output, features: Processor.features)
    }

    /// Multiplies rows with one vector in float32.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe dot(rows: range, input: input, output: output, features: Processor.features)
    }

    /// This matrix.
    public func panels(on pool: WorkerPool) -> PanelMatrix? { self }

    /// The same matrix with rows in another order, as a copy of their codes and scales.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        return PanelGeometry(self, rows: order.count).gather(
            columns: columns, formatName: formatName, rowsFrom: self, order)
    }

    /// The rows decoded with given instructions, so that tests can compare forms.
    @unsafe
    func decode(
        rows range: Range<Int>, into output: UnsafeMutablePointer<Float>, features: UInt32
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe withUnsafePointer(to: description) {
            unsafe halftone_panel_decode_rows(
                features, $0, Int64(range.lowerBound), Int64(range.count), Int64(columns), output)
        }
    }

    @unsafe
    private func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>,
        features: UInt32
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe precondition(input.count == columns, "the vector has a value per column")
        unsafe withUnsafePointer(to: description) {
            unsafe halftone_panel_dot_rows(
                features, $0, Int64(range.lowerBound), Int64(range.count), Int64(columns),
                input.values, input.sumsOf16, output)
        }
    }

    /// All rows decoded in a given form.
    package func decoded(form: Form) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            if let base = buffer.baseAddress {
                unsafe decode(rows: 0..<rows, into: base, features: form.rowFeatures)
            }
            count = rows * columns
        }
    }

    /// The products of all rows with a vector of floats in a given form.
    package func products(with input: [Float], form: Form) -> [Float] {
        precondition(input.count == columns, "the vector has a value per column")
        var output = [Float](repeating: 0, count: rows)
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            guard let target = buffer.baseAddress else { return }
            unsafe PreparedVector.prepare(input) {
                unsafe dot(rows: 0..<rows, input: $0, output: target, features: form.rowFeatures)
            }
        }
        return output
    }
}

extension PanelMatrix.Form {
    /// What kernels of rows are chosen by; their widest form needs no VNNI.
    var rowFeatures: UInt32 {
        self == .avx512VNNI ? neededFeatures | UInt32(HALFTONE_CPU_AVX512) : neededFeatures
    }
}
