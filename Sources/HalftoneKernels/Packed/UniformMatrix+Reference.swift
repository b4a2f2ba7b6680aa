import HalftoneFormats

extension UniformMatrix {
    /// The code, scale and zero point of one element.
    private func parts(row: Int, column: Int) -> (code: Float, scale: Float, zero: Float) {
        let run = row * bytesPerRow + column / 32 * 4 * format.bits
        let code = PackedCodes.code(
            of: column % 32, in: codes.span, run: run, bits: format.bits)
        let group = row * groupsPerRow + column / groupSize
        return (Float(code), scales[group], zeroPoints?[group] ?? format.symmetricZeroPoint)
    }

    /// The definition of the values.
    @unsafe
    func decodeByDefinition(_ range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        for (index, row) in range.enumerated() {
            for column in 0..<columns {
                let (code, scale, zero) = parts(row: row, column: column)
                unsafe output[index * columns + column] = scale * (code - zero)
            }
        }
    }

    /// The definition of the products.
    @unsafe
    func dotByDefinition(
        _ range: Range<Int>, _ input: PreparedVector, into output: UnsafeMutablePointer<Float>
    ) {
        for (index, row) in range.enumerated() {
            var product: Float = 0
            for start in stride(from: 0, to: columns, by: groupSize) {
                let (_, scale, zero) = parts(row: row, column: start)
                var sum: Float = 0
                var inputSum: Float = 0
                for column in start..<min(start + groupSize, columns) {
                    let x = unsafe input.values[column]
                    sum += parts(row: row, column: column).code * x
                    inputSum += x
                }
                product += scale * (sum - zero * inputSum)
            }
            unsafe output[index] = product
        }
    }
}
