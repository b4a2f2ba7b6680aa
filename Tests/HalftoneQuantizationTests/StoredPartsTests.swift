import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

@Suite struct StoredPartsTests {
    @Test(arguments: allFormats, ScaleFormat.allCases)
    func bytesAreAsPredicted(format: IntegerFormat, scaleFormat: ScaleFormat) throws {
        for granularity in someGranularities {
            for (rows, columns) in [(1, 1), (3, 33), (5, 64), (4, 172)] {
                let scheme = WeightScheme(
                    format: format, granularity: granularity, scaleFormat: scaleFormat,
                    search: .absmax)
                let weight = Tensor.normal([rows, columns], seed: 1)
                let parts = try RoundToNearest().quantize(weight, scheme: scheme).parts
                let stored =
                    parts.codes.count + parts.scales.count + (parts.scaleFactor?.count ?? 0)
                    + (parts.zeroPoints?.count ?? 0)
                #expect(
                    stored == scheme.byteCount(rows: rows, columns: columns),
                    "\(scheme), \(rows) × \(columns)")
            }
        }
    }

    /// Sizes counted by hand.
    @Test func bytesOfKnownShapes() {
        func bytes(
            _ format: String, _ granularity: Granularity, _ scales: ScaleFormat
        ) -> Int? {
            IntegerFormat(named: format).map {
                WeightScheme(format: $0, granularity: granularity, scaleFormat: scales)
                    .byteCount(rows: 10, columns: 576)
            }
        }
        // 18 runs of 16 bytes and 18 scales of 2 bytes a row.
        #expect(bytes("int4", .group(32), .float16) == 10 * (18 * 16 + 18 * 2))
        // 18 runs of 12 bytes, 5 scales of a byte, 50 zero points of 3 bits, one factor.
        #expect(bytes("uint3", .group(128), .float8) == 10 * (18 * 12 + 5) + 19 + 4)
        #expect(bytes("int8", .tensor, .float32) == 5760 + 4)
        #expect(bytes("uint1", .channel, .bfloat16) == 10 * (72 + 2) + 2)
    }

    @Test(arguments: allFormats, ScaleFormat.allCases)
    func partsMakeTheSameMatrixAgain(format: IntegerFormat, scaleFormat: ScaleFormat) throws {
        for granularity in someGranularities {
            let scheme = WeightScheme(
                format: format, granularity: granularity, scaleFormat: scaleFormat)
            let weight = Tensor.normal([5, 100], standardDeviation: 0.02, seed: 2)
            let first = try RoundToNearest().quantize(weight, scheme: scheme)
            let again = try QuantizedTensor(
                rows: 5, columns: 100, scheme: scheme, parts: first.parts)
            #expect(again.dequantized() == first.dequantized())
            #expect(again.matrix.byteCount == first.byteCount)
        }
    }

    /// Codes, a scale and zero points put in by hand, little-endian.
    @Test func theBytesMeanWhatTheySay() throws {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(2),
            scaleFormat: .float8)
        let codes = PackedCodes.pack(
            codes: [7, 0, 1, 2, 3, 4], rows: 1, columns: 6, bits: 3)
        let tensor = try QuantizedTensor(
            rows: 1, columns: 6, scheme: scheme,
            parts: .init(
                codes: Bytes(codes),
                // 1, 1.5 and −0.5 in E4M3, times 2.
                scales: Bytes([0x38, 0x3C, 0xB0]), scaleFactor: Bytes([0, 0, 0, 0x40]),
                // 5, 6, 1 as bits from the lowest on: 101, 011, 100.
                zeroPoints: Bytes([0b01_110_101, 0b0])))
        #expect(tensor.dequantized().elements == [4, -10, -15, -12, -2, -3])
        #expect(tensor.byteCount == 12 + 3 + 4 + 2)
    }

    @Test func partsThatDoNotFitAreRefused() throws {
        let format = IntegerFormat(bits: 4, symmetric: false)
        let scheme = WeightScheme(format: format, scaleFormat: .float8)
        let whole = try RoundToNearest().quantize(.normal([3, 70], seed: 3), scheme: scheme).parts
        func make(
            rows: Int = 3, columns: Int = 70, scheme other: WeightScheme? = nil,
            _ change: (inout QuantizedTensor.StoredParts) -> Void = { _ in }
        ) throws(QuantizationError) {
            var parts = whole
            change(&parts)
            _ = try QuantizedTensor(
                rows: rows, columns: columns, scheme: other ?? scheme, parts: parts)
        }
        #expect(throws: Never.self) { try make() }
        #expect(throws: QuantizationError.wrongSize(part: "codes", found: 143, expected: 144)) {
            try make { $0.codes = $0.codes[0..<143] }
        }
        #expect(throws: QuantizationError.wrongSize(part: "scales", found: 8, expected: 9)) {
            try make { $0.scales = $0.scales[0..<8] }
        }
        #expect(throws: QuantizationError.wrongSize(part: "scale factor", found: 0, expected: 4)) {
            try make { $0.scaleFactor = nil }
        }
        #expect(throws: QuantizationError.wrongSize(part: "zero points", found: 0, expected: 5)) {
            try make { $0.zeroPoints = nil }
        }
        #expect(throws: QuantizationError.notFinite(part: "scale", index: 4)) {
            try make {
                var scales = $0.scales.array
                scales[4] = 0x7F
                $0.scales = Bytes(scales)
            }
        }
        #expect(throws: QuantizationError.notFinite(part: "scale factor", index: 0)) {
            try make { $0.scaleFactor = Bytes([0, 0, 0x80, 0x7F]) }
        }
        let symmetric = WeightScheme(
            format: IntegerFormat(bits: 4, symmetric: true), scaleFormat: .float8)
        #expect(throws: QuantizationError.unexpectedPart("zero points")) {
            try make(scheme: symmetric)
        }
        let half = WeightScheme(format: format, scaleFormat: .float16)
        #expect(throws: QuantizationError.unexpectedPart("scale factor")) {
            try make(scheme: half) { $0.scales = Bytes([UInt8](repeating: 0, count: 18)) }
        }
        for (rows, columns) in [(-1, 70), (3, -70), (.max, 70), (3, .max), (1 << 39, 1 << 39)] {
            #expect(
                throws: QuantizationError.invalidShape(
                    rows: rows, columns: columns, granularity: .group(32))
            ) { try make(rows: rows, columns: columns) }
        }
    }

    /// The largest scale is the largest E4M3 number times the factor.
    @Test func theFactorBringsTheLargestScaleTo448() throws {
        let weight = Tensor.normal([20, 64], standardDeviation: 0.3, seed: 4)
        for search in ScaleSearch.allCases {
            let scheme = WeightScheme(
                format: IntegerFormat(bits: 4, symmetric: true), scaleFormat: .float8,
                search: search)
            let quantized = try RoundToNearest().quantize(weight, scheme: scheme)
            let factor = try #require(quantized.parts.scaleFactor)
            let value = Float(bitPattern: factor.load(at: 0))
            let largest = weight.elements.map(\.magnitude).max() ?? 0
            #expect(value * 448 >= largest / 7 && value.nextDown * 448 < largest / 7)
            for (scale, byte) in zip(quantized.matrix.scales, quantized.parts.scales.array) {
                #expect(scale == NumberFormat.e4m3.value(of: byte) * value)
            }
        }
    }
}
