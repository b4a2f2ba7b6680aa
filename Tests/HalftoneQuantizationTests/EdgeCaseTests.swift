import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

@Suite struct EdgeCaseTests {
    private func quantize(
        _ elements: [Float], rows: Int = 1, _ format: IntegerFormat,
        _ scaleFormat: ScaleFormat = .float32, _ search: ScaleSearch = .leastError,
        _ granularity: Granularity = .group(32)
    ) throws(QuantizationError) -> QuantizedTensor {
        try RoundToNearest().quantize(
            Tensor(shape: [rows, elements.count / rows], elements: elements),
            scheme: WeightScheme(
                format: format, granularity: granularity, scaleFormat: scaleFormat, search: search))
    }

    @Test(arguments: allFormats, ScaleFormat.allCases)
    func zerosStayZeros(format: IntegerFormat, scaleFormat: ScaleFormat) throws {
        for search in ScaleSearch.allCases {
            let zeros = [Float](repeating: 0, count: 40)
            #expect(
                try quantize(zeros, format, scaleFormat, search).dequantized().elements
                    == FloatArray(zeros))
            // One group of zeros beside another of ones.
            let mixed = zeros[0..<32] + [Float](repeating: 1, count: 8)
            let values = try quantize(Array(mixed), format, scaleFormat, search).dequantized()
            #expect(values.elements.array[0..<32] == zeros[0..<32])
        }
    }

    /// A constant is the lowest or highest level but for the rounding of the scale: at most 2⁻⁴ of
    /// it in E4M3 and, by a search that may choose any scale, not more than that in any format.
    @Test(arguments: allFormats, ScaleFormat.allCases)
    func constantsStayConstant(format: IntegerFormat, scaleFormat: ScaleFormat) throws {
        for constant: Float in [0.3, -0.3] {
            let values = [Float](repeating: constant, count: 64)
            let found = try quantize(values, format, scaleFormat).dequantized().elements.array
            #expect(Set(found).count == 1)
            #expect(abs(found[0] - constant) <= 0.0625 * 0.3 + 1e-7, "\(found[0])")
        }
    }

    @Test(arguments: allFormats, [Float(0x1p126), 0x1p-126, 0x1p-140])
    func hugeAndTinyValuesKeepTheirRatio(format: IntegerFormat, size: Float) throws {
        let base = Tensor.uniform([1, 32], in: -1...1, seed: 12).elements.array
        for search in ScaleSearch.allCases {
            let found = try quantize(base.map { $0 * size }, format, .float32, search)
            let scale = try #require(found.matrix.scales.first)
            let values = found.dequantized().elements.array
            #expect(values.allSatisfy(\.isFinite) && scale.isFinite && scale != 0)
            guard search == .absmax else { continue }
            let steps = zip(values, base).map { abs($0 / size - $1) / (scale / size) }.max()
            // Subnormal steps are whole units of 2⁻¹⁴⁹, each off by one half at most.
            let unit = Float.leastNonzeroMagnitude / scale
            #expect(steps ?? .infinity <= 0.5 + 1e-4 + unit, "\(format) at \(size)")
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func whatIsNoNumberIsNamed(value: Float) {
        var elements = [Float](repeating: 1, count: 200)
        elements[77] = value
        elements[150] = .nan
        let format = IntegerFormat(bits: 4, symmetric: true)
        for granularity in [Granularity.tensor, .channel, .group(32)] {
            for scaleFormat in [ScaleFormat.float16, .float8] {
                let expected = QuantizationError.weightNotFinite(
                    row: 1, column: 27, value: "\(value)")
                #expect(throws: expected) {
                    try quantize(elements, rows: 4, format, scaleFormat, .absmax, granularity)
                }
                #expect(expected.description.contains("row 1, column 27"))
            }
        }
    }

    @Test func scalesBeyondTheirFormatAreRefused() throws {
        let values: [Float] = [0, 1] + [Float](repeating: 0, count: 62) + [1e6, 0]
        let format = IntegerFormat(bits: 2, symmetric: true)
        #expect(
            throws: QuantizationError.scaleTooLarge(
                row: 0, column: 64, scale: 1e6, format: .float16)
        ) { try quantize(values, format, .float16) }
        for scaleFormat in [ScaleFormat.float32, .bfloat16, .float8] {
            let found = try quantize(values, format, scaleFormat).dequantized().elements.array
            #expect(abs(found[64] - 1e6) <= 0.0625 * 1e6)
        }
        // The range of these has no float32 width.
        #expect(throws: QuantizationError.self) {
            try quantize([3e38, -3e38], IntegerFormat(bits: 1, symmetric: false))
        }
    }

    @Test func groupSizesAndShapesAreChecked() throws {
        let format = IntegerFormat(bits: 4, symmetric: false)
        for size in [0, -1, .max] {
            #expect(
                throws: QuantizationError.invalidShape(
                    rows: 1, columns: 4, granularity: .group(size))
            ) { try quantize([1, 2, 3, 4], format, .float16, .absmax, .group(size)) }
        }
        for granularity in someGranularities {
            for scaleFormat in ScaleFormat.allCases {
                let scheme = WeightScheme(
                    format: format, granularity: granularity, scaleFormat: scaleFormat)
                for shape in [[0, 8], [3, 0]] {
                    let empty = try RoundToNearest().quantize(.zeros(shape), scheme: scheme)
                    #expect(empty.dequantized() == .zeros(shape))
                    #expect(
                        empty.byteCount == scheme.byteCount(rows: shape[0], columns: shape[1]))
                }
            }
        }
    }
}
