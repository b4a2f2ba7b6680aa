import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// A plain form to put structures around.
private let nf4 = MatrixForm.scaled(.nf4, .group(16), .plain(.float16))
private let affine = MatrixForm.scaled(
    NumberFormat(.integer(IntegerFormat(levels: 6, symmetric: false))), .group(16),
    .plain(.float8))
private let realZeros = MatrixForm.scaled(
    NumberFormat(.integer(IntegerFormat(bits: 3, symmetric: false))), .group(16),
    .affine(.bfloat16))
private let binary = MatrixForm.scaled(.binary, .channel, .plain(.float16))

/// The forms that any shape has.
private func forms(columns: Int) -> [MatrixForm] {
    let scaled = [Granularity.tensor, .channel, .group(16), .column].flatMap { granularity in
        [
            MatrixForm.ScaleStorage.plain(.float32), .plain(.float8), .quantized(.e4m3, group: 8),
            .offset(bits: 5, group: 8, .bfloat16),
        ].map { MatrixForm.scaled(.e2m1, granularity, $0) }
    }
    let all =
        scaled + [
            nf4, affine, realZeros, binary, .scaled(.ternary, .group(32), .plain(.bfloat16)),
            .blocks(.nvfp4), .blocks(.blockFloat(bits: 5, exponentBits: 5, blockRows: 2)),
            .dualBinary(.group(16)), .vectors(dimension: 2, count: 11), .complexUnits,
            .affineSigns,
            .outlierColumns(1, base: nf4),
            .columnClasses([
                .init(columns: columns / 3, form: .scaled(.int(8), .channel, .plain(.float16))),
                .init(columns: columns - columns / 3, form: affine),
            ]),
            .columnLevels(
                [
                    .init(levels: 9, columns: columns - columns / 3),
                    .init(levels: 1, columns: columns / 3),
                ], group: nil),
            .columnLevels(
                [
                    .init(levels: 9, columns: columns - columns / 2),
                    .init(levels: 2, columns: columns / 2 - columns / 4),
                    .init(levels: 1, columns: columns / 4),
                ], group: 16),
            .lowRank(1, base: affine), .residual([binary, binary, binary]),
            .signedLowRank(1), .residual([.signedLowRank(1), .signedLowRank(1)]),
            .sparse(2, base: nf4),
        ]
    // Inside there has to be a column left.
    let nested = MatrixForm.residual([.dualBinary(.channel), nf4])
    return columns == 1
        ? all
        : all + [.outlierColumns(1, base: .sparse(2, base: .lowRank(1, base: nested)))]
}

private let shapes = [(rows: 5, columns: 37), (4, 64), (3, 2), (2, 1)]

/// The decibels between the weights and what is left of them.
private func decibels(_ weights: [Float], _ values: [Float], _ importance: [Float]? = nil) -> Double
{
    var (signal, noise) = (0.0, 0.0)
    let columns = importance?.count ?? 1
    for (place, (x, y)) in zip(weights, values).enumerated() {
        let weight = importance.map { Double($0[place % columns]) } ?? 1
        signal += weight * Double(x) * Double(x)
        noise += weight * Double(x - y) * Double(x - y)
    }
    return 10 * (signal / noise).logarithm10
}

extension Double {
    fileprivate var logarithm10: Double {
        // 2^x by halving: enough for comparisons of decibels.
        guard self > 0, isFinite else { return self > 0 ? .infinity : -.infinity }
        var (rest, bits, step) = (significand, Double(exponent), 0.5)
        for _ in 0..<40 {
            rest *= rest
            if rest >= 2 { (rest, bits) = (rest / 2, bits + step) }
            step /= 2
        }
        return bits * 0.301_029_995_663_981_2
    }
}

@Suite("Matrices in any form")
struct StoredMatrixTests {
    @Test("bytes are as predicted, remainder blocks included, and parts make the matrix again")
    func bytesAreAsPredicted() throws {
        for (rows, columns) in shapes {
            let weights = Tensor.normal([rows, columns], seed: 1).elements.array
            for form in forms(columns: columns) {
                let stored = try StoredMatrix(weights, rows: rows, columns: columns, form: form)
                let sum = stored.parts.reduce(0) { $0 + $1.bytes.count }
                let predicted = try form.byteCount(rows: rows, columns: columns)
                #expect(sum == predicted && stored.byteCount == predicted, "\(form)")
                let layout = try form.layout(rows: rows, columns: columns)
                #expect(stored.parts.map(\.layout) == layout)
                #expect(Set(layout.map(\.name)).count == layout.count, "\(form)")
                let again = try StoredMatrix(form: form, rows: rows, columns: columns) { part in
                    stored.parts.first { $0.layout == part }?.bytes
                }
                let values = try stored.decoded()
                #expect(try again.decoded() == values)
                #expect(try again.matrix().decoded() == values)
                #expect(try again.matrix().byteCount == predicted)
                // A bit a weight or more, and least squares: some of the signal is kept.
                #expect(decibels(weights, values) > 1, "\(form), \(rows) × \(columns)")
            }
        }
    }

    /// Sizes counted by hand.
    @Test("bytes of known shapes")
    func bytesOfKnownShapes() throws {
        func bytes(_ form: MatrixForm) throws -> Int { try form.byteCount(rows: 10, columns: 576) }
        // 288 bytes of codes a row; 90 scales of a byte, one float32 for 90 and one for all.
        #expect(
            try bytes(.scaled(.nf4, .group(64), .quantized(.e4m3, group: 256)))
                == 2880 + 90 + 4 + 4)
        // Five trits in a byte: 116 bytes a row, and a scale for each column.
        #expect(try bytes(.scaled(.ternary, .column, .plain(.float16))) == 1160 + 2 * 576)
        // Two bits a weight and two halves for each of 36 groups a row.
        #expect(try bytes(.dualBinary(.group(16))) == 1440 + 10 * 36 * 4)
        // 288 pairs of 7 bits: 252 bytes a row; 100 pairs of halves.
        #expect(try bytes(.vectors(dimension: 2, count: 100)) == 2520 + 400)
        #expect(try bytes(.complexUnits) == 10 * 72 + 4)
        // A bit a weight, two halves a row and one a column.
        #expect(try bytes(.affineSigns) == 10 * 72 + 10 * 4 + 576 * 2)
        // Eight columns of halves with their places; 568 weights: 284 bytes and 36 scales a row.
        #expect(try bytes(.outlierColumns(8, base: nf4)) == 16 + 160 + 2840 + 720)
        #expect(try bytes(.lowRank(3, base: nf4)) == 2 * 3 * 586 + 2880 + 720)
        // A bit for each weight, and halves for three columns and rows.
        #expect(try bytes(.signedLowRank(3)) == 720 + 2 * 3 * 586)
        // Scales of three bits, two halves for 256 each, and the offset.
        #expect(
            try bytes(.scaled(.lqnf3, .group(64), .offset(bits: 3, group: 64, .float16)))
                == 2160 + 34 + 4 + 4)
        #expect(try bytes(.residual([binary, binary])) == 2 * (720 + 20))
        #expect(try bytes(.sparse(20, base: nf4)) == 44 + 40 + 40 + 2880 + 720)
        let half = MatrixForm.scaled(.int(8), .channel, .plain(.float16))
        let classes = MatrixForm.columnClasses([
            .init(columns: 76, form: half), .init(columns: 500, form: nf4),
        ])
        #expect(try bytes(classes) == 1152 + 760 + 20 + 2500 + 640)
        #expect(try bytes(.gguf(.q4_0)) == 10 * 18 * 18)
        // A byte a column and two halves a row; 2560 codes of 4 levels and 3000 of 3, five of them
        // in a byte, where the columns of one level take none.
        let levels: [MatrixForm.LevelClass] = [
            .init(levels: 4, columns: 256), .init(levels: 3, columns: 300),
            .init(levels: 1, columns: 20),
        ]
        #expect(try bytes(.columnLevels(levels, group: nil)) == 576 + 40 + 640 + 600)
        // Halves: five groups a row, the last one shorter, and a reach for each of three classes.
        #expect(try bytes(.columnLevels(levels, group: 128)) == 576 + 100 + 6 + 640 + 600)
    }

    @Test("structures go around any number format", arguments: NumberFormat.known)
    func structuresTakeAnyFormat(format: NumberFormat) throws {
        guard format.range.lowerBound < 0 else { return }
        let weights = Tensor.normal([6, 40], seed: 2).elements.array
        let base = MatrixForm.scaled(format, .group(16), .plain(.float32))
        let plain = decibels(
            weights, try StoredMatrix(weights, rows: 6, columns: 40, form: base).decoded())
        for form in [
            MatrixForm.outlierColumns(4, base: base), .lowRank(2, base: base),
            .sparse(24, base: base), .residual([base, base]),
            .columnClasses([
                .init(columns: 10, form: .residual([base, base])), .init(columns: 30, form: base),
            ]),
        ] {
            let stored = try StoredMatrix(weights, rows: 6, columns: 40, form: form)
            // Groups of the columns that are left lie elsewhere: that may cost a little.
            #expect(decibels(weights, try stored.decoded()) > plain - 0.2, "\(form)")
            #expect(stored.byteCount == (try form.byteCount(rows: 6, columns: 40)))
        }
    }

    @Test("random bytes decode or are refused, and never trap")
    func randomBytes() throws {
        var generator = SeededGenerator(seed: 3)
        var (decoded, refused) = (0, 0)
        let more = BlockType.allCases.filter { $0 != .q8_1 && $0 != .q8_K }
            .map { MatrixForm.gguf($0) }
        for round in 0..<60 {
            let (rows, columns) = round.isMultiple(of: 2) ? (3, 256) : (4, 33)
            for form in forms(columns: columns) + (columns == 256 ? more : []) {
                let stored = try StoredMatrix(form: form, rows: rows, columns: columns) { part in
                    Bytes(
                        (0..<part.byteCount).map { _ in
                            // Some rounds have mostly small numbers, which are valid places.
                            let any = UInt8.random(in: 0...255, using: &generator)
                            return round % 3 == 0 && any > 40 ? 0 : any
                        })
                }
                do {
                    #expect(try stored.decoded().count == rows * columns)
                    decoded += 1
                } catch {
                    #expect(!error.description.isEmpty)
                    refused += 1
                }
            }
        }
        #expect(decoded > 500 && refused > 100, "\(decoded) decoded, \(refused) refused")
    }

    @Test("parts that are missing or of another size are named")
    func wrongParts() throws {
        for form in forms(columns: 37) {
            let layout = try form.layout(rows: 5, columns: 37)
            for wrong in layout {
                for change in [-1, 1] {
                    #expect(
                        throws: QuantizationError.wrongSize(
                            part: wrong.name, found: wrong.byteCount + change,
                            expected: wrong.byteCount), "\(form)"
                    ) {
                        _ = try StoredMatrix(form: form, rows: 5, columns: 37) { part in
                            let more = part == wrong ? change : 0
                            return Bytes([UInt8](repeating: 0, count: part.byteCount + more))
                        }
                    }
                }
                #expect(throws: QuantizationError.self) {
                    _ = try StoredMatrix(form: form, rows: 5, columns: 37) { part in
                        part == wrong ? nil : Bytes([UInt8](repeating: 0, count: part.byteCount))
                    }
                }
            }
        }
    }

    @Test("places that cannot be are named")
    func wrongPlaces() throws {
        func message(_ form: MatrixForm, _ change: [String: [UInt8]]) -> String {
            do {
                let stored = try StoredMatrix(form: form, rows: 2, columns: 4) { part in
                    Bytes(change[part.name] ?? [UInt8](repeating: 0, count: part.byteCount))
                }
                _ = try stored.decoded()
                return "decoded"
            } catch {
                return "\(error)"
            }
        }
        let base = MatrixForm.scaled(.int(8), .channel, .plain(.float16))
        let columns = MatrixForm.outlierColumns(2, base: base)
        #expect(message(columns, ["columns": [1, 0, 4, 0]]) == "columns has 4 at 1, above 3")
        #expect(
            message(columns, ["columns": [2, 0, 1, 0]]) == "the outlier columns do not ascend")
        let classes = MatrixForm.columnClasses([.init(columns: 4, form: base)])
        #expect(
            message(classes, ["order": [0, 0, 1, 0, 1, 0, 3, 0]])
                == "the order of the columns has one of them twice")
        let sparse = MatrixForm.sparse(2, base: base)
        #expect(
            message(sparse, ["row_starts": [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]])
                == "the row starts do not ascend from 0 to 2")
        #expect(
            message(
                sparse,
                ["row_starts": [0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], "columns": [3, 0, 1, 0]])
                == "the columns of row 0 do not ascend")
        let levels = MatrixForm.columnLevels(
            [
                .init(levels: 3, columns: 2), .init(levels: 1, columns: 2),
            ], group: nil)
        #expect(message(levels, ["levels": [0, 2, 2, 0]]) == "decoded")
        #expect(
            message(levels, ["levels": [0, 2, 0, 0]])
                == "the levels of the columns are not those of the form")
        #expect(
            message(levels, ["levels": [0, 2, 2, 0], "lows": [0, 0, 0, 0x3C]])
                == "the range of a row does not hold 0")
        #expect(
            message(base, ["scales": [0, 0, 0, 0x7C]])
                == "scales 1 is not a finite number; the checkpoint is damaged")
    }

    @Test("forms that a shape does not have are refused")
    func badForms() {
        for form in [
            MatrixForm.outlierColumns(9, base: nf4), .outlierColumns(-1, base: nf4),
            .lowRank(5, base: nf4), .sparse(33, base: nf4), .residual([]),
            .columnClasses([.init(columns: 7, form: nf4)]), .vectors(dimension: 0, count: 4),
            .vectors(dimension: 2, count: 1), .gguf(.q4_0), .gguf(.q8_K),
            .scaled(.nf4, .group(0), .plain(.float16)),
            .scaled(.nf4, .group(8), .quantized(.e8m0, group: 4)),
            .scaled(.nf4, .group(8), .quantized(.int(8), group: 0)), .dualBinary(.group(0)),
            (0..<9).reduce(nf4) { form, _ in .sparse(0, base: form) },
            .residual([MatrixForm](repeating: nf4, count: 65)),
            .columnLevels([.init(levels: 3, columns: 7)], group: nil),
            .columnLevels([.init(levels: 257, columns: 8)], group: 4),
            .columnLevels(
                [.init(levels: 3, columns: 4), .init(levels: 3, columns: 4)], group: nil),
            .columnLevels([.init(levels: 3, columns: 8)], group: 0),
        ] {
            #expect(throws: QuantizationError.self, "\(form)") {
                _ = try form.layout(rows: 4, columns: 8)
            }
        }
        #expect(throws: QuantizationError.self) { _ = try nf4.layout(rows: -1, columns: 8) }
        #expect(throws: QuantizationError.self) {
            _ = try nf4.layout(rows: 1 << 30, columns: 1 << 30)
        }
    }
}
