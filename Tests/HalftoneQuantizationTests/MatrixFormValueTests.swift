import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// The weighted squared error of a form on a matrix of 8 rows.
private func squaredError(
    _ weights: [Float], _ form: MatrixForm, importance: [Float]?, measured: [Float]? = nil
) throws -> Double {
    let columns = weights.count / 8
    let stored = try StoredMatrix(
        weights, rows: 8, columns: columns, form: form, importance: importance)
    let weight = measured ?? importance
    return zip(weights, try stored.decoded()).enumerated().reduce(0.0) {
        let distance = Double($1.element.0) - Double($1.element.1)
        return $0 + Double(weight?[$1.offset % columns] ?? 1) * distance * distance
    }
}

private func half(_ x: Float) -> Float { SmallFloat.float16(SmallFloat.float16Bits(x)) }

@Suite("What forms make of weights")
struct MatrixFormValueTests {
    private let base = MatrixForm.scaled(.int(3), .channel, .plain(.float32))

    /// But not in a residual stack: there each stage is best for itself, not for the next one.
    @Test("importance lowers the error that it weighs")
    func importanceIsUsed() throws {
        let weights = Tensor.normal([8, 64], seed: 5).elements.array
        let importance = (0..<64).map { Float($0 % 7 == 0 ? 50 : 1) / 10 }
        for form in [
            .scaled(.nf4, .tensor, .plain(.float16)), .scaled(.int(3), .column, .plain(.float16)),
            base, .scaled(.e2m1, .group(16), .quantized(.int(8), group: 16)),
            .dualBinary(.channel), .vectors(dimension: 2, count: 16), .complexUnits,
            .affineSigns, .blocks(.blockFloat(bits: 3)), .blocks(.nvfp4),
            .outlierColumns(6, base: base),
            .lowRank(2, base: base), .signedLowRank(2), .sparse(40, base: base),
            .columnClasses([
                .init(columns: 9, form: .scaled(.int(8), .channel, .plain(.float16))),
                .init(columns: 55, form: base),
            ]),
        ] as [MatrixForm] {
            let with = try squaredError(weights, form, importance: importance)
            let without = try squaredError(
                weights, form, importance: nil, measured: importance)
            // With a scale for each column all its weights count alike.
            let isColumn = if case .scaled(_, .column, _) = form { true } else { false }
            #expect(isColumn ? with == without : with < without, "\(form): \(with / without)")
        }
    }

    @Test("outliers are kept to 16 bits")
    func outliersAreKept() throws {
        var weights = Tensor.uniform([8, 20], seed: 6).elements.array
        for row in 0..<8 { weights[row * 20 + 3] *= 100 }
        let columns = try StoredMatrix(
            weights, rows: 8, columns: 20, form: .outlierColumns(1, base: base)
        ).decoded()
        for row in 0..<8 { #expect(columns[row * 20 + 3] == half(weights[row * 20 + 3])) }
        let sparse = try StoredMatrix(
            weights, rows: 8, columns: 20, form: .sparse(8, base: base)
        ).decoded()
        let largest = weights.map(\.magnitude).sorted().suffix(8)[152]
        for (x, y) in zip(weights, sparse) where x.magnitude >= largest {
            // The base is 0 or a level there; the sum is rounded as halves and once more.
            #expect((x - y).magnitude <= x.magnitude * 0x1p-10)
        }
        // 100 times as large in one column: without, the others would have lost all.
        let plain = try squaredError(weights, base, importance: nil)
        let kept = try squaredError(weights, .outlierColumns(1, base: base), importance: nil)
        #expect(kept < plain / 20)
    }

    @Test("classes of columns have their own forms, the largest columns the first")
    func classesAreByWeight() throws {
        var weights = [Float](repeating: 0.5, count: 8 * 4)
        for row in 0..<8 {
            weights[row * 4 + 2] = Float(row + 1)
            weights[row * 4 + 1] = -Float(row)
        }
        let form = MatrixForm.columnClasses([
            .init(columns: 2, form: .scaled(.int(8), .column, .plain(.float32))),
            .init(columns: 2, form: .scaled(.binary, .tensor, .plain(.float32))),
        ])
        let stored = try StoredMatrix(weights, rows: 8, columns: 4, form: form)
        #expect(stored.parts[0].bytes.array == [1, 0, 2, 0, 0, 0, 3, 0])
        let values = try stored.decoded()
        for (x, y) in zip(weights, values) { #expect((x - y).magnitude <= 4.0 / 127) }
    }

    @Test("a matrix of low rank over what the base leaves is found")
    func lowRankIsFound() throws {
        // A base of zeros leaves all: the product of a column and a row.
        let (left, right) = ((1...8).map { Float($0) }, (0..<12).map { Float($0 % 5) - 2 })
        let weights = left.flatMap { a in right.map { a * $0 } }
        let zeros = MatrixForm.residual([.scaled(.ternary, .tensor, .plain(.float16))])
        let error = try squaredError(weights, .lowRank(8, base: zeros), importance: nil)
        // Halves: each of 8 products of numbers up to √‖W‖ is off by 2⁻¹⁰ of itself at most.
        let size = weights.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(error < size * 0x1p-17)
        // By Eckart and Young the error falls by the square of each singular value.
        let normal = Tensor.normal([8, 40], seed: 7).elements.array
        let errors = try (0...4).map {
            try squaredError(normal, .lowRank($0, base: base), importance: nil)
        }
        #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 > $1 })
    }

    /// Source: Network Sketching, arXiv:1706.02021, theorem 1: with each plane the squared error of
    /// `n` weights falls by the factor `1 − 1/n` at least.
    @Test("a stack of planes has the mean magnitude of what is left")
    func residualStack() throws {
        let weights = Tensor.normal([8, 30], seed: 8).elements.array
        let plane = MatrixForm.scaled(.binary, .tensor, .plain(.float32))
        var rest = weights
        var last = Double.infinity
        for count in 1...4 {
            let mean = rest.reduce(0.0) { $0 + Double($1.magnitude) } / 240
            let stack = [MatrixForm](repeating: plane, count: count)
            let values = try StoredMatrix(
                weights, rows: 8, columns: 30, form: .residual(stack)
            ).decoded()
            for place in rest.indices {
                let level = Float(mean) * (rest[place] >= 0 ? 1 : -1)
                rest[place] -= level
                // Sums of up to four float32 numbers.
                #expect((weights[place] - rest[place] - values[place]).magnitude < 1e-5)
            }
            let error = rest.reduce(0.0) { $0 + Double($1) * Double($1) }
            #expect(error < last * (1 - 1.0 / 240))
            last = error
        }
    }

    @Test("two planes with their own scales find a group of four levels")
    func dualBinary() throws {
        // p · 0.75 − q · 0.25 for all bits, many times.
        let levels: [Float] = [0, 0.75, -0.25, 0.5]
        let weights = (0..<64).map { levels[$0 * 7 % 4] }
        let stored = try StoredMatrix(weights, rows: 8, columns: 8, form: .dualBinary(.tensor))
        #expect(try stored.decoded() == weights)
    }

    @Test("units and their scales are those of the paper's rule")
    func complexUnits() throws {
        // 3 + 0.5i, −1 + 0.2i, 0.1 + 2i, 0 − 4i and a column alone.
        let weights: [Float] = [3, 0.5, -1, 0.2, 0.1, 2, 0, -4, 5]
        let stored = try StoredMatrix(weights, rows: 1, columns: 9, form: .complexUnits)
        // Real: the mean of 3, 1 and 5; imaginary: of 2 and 4.
        #expect(try stored.decoded() == [3, 0, -3, 0, 0, 3, 0, -3, 3])
    }

    @Test("signs between two levels of each row are found, whatever the factors of columns")
    func affineSigns() throws {
        // factor · (scale · sign + offset), all of them sums of few powers of two.
        let factors: [Float] = [1, 2, 0.5, 1, 1, 2, 0.25, 1]
        let signs: [Float] = [1, -1, -1, 1, -1, 1, 1, -1]
        var weights: [Float] = []
        for row in 0..<4 {
            let (scale, offset) = (Float(1 + row), Float(row - 1) / 2)
            weights += (0..<8).map { factors[$0] * (scale * signs[($0 + row) % 8] + offset) }
        }
        let stored = try StoredMatrix(weights, rows: 4, columns: 8, form: .affineSigns)
        // Turns of least squares come as near as halves do: a few 2⁻¹¹ of numbers up to 9.
        for (value, weight) in zip(try stored.decoded(), weights) {
            #expect((value - weight).magnitude < 0.03, "\(value) for \(weight)")
        }
        // With factors of 1 the start is exact.
        let plain = (0..<8).map { signs[$0] * 3 + 1 }
        let exact = try StoredMatrix(plain, rows: 1, columns: 8, form: .affineSigns)
        #expect(try exact.decoded() == plain)
    }

    @Test("parts can be given as numbers")
    func content() throws {
        let stored = try StoredMatrix(form: .affineSigns, rows: 2, columns: 3) { part in
            switch part.name {
            case "codes": .codes([1, 0, 0, 0, 1, 1], values: 2)
            case "scales": .floats([2, 1])
            case "offsets": .floats([0.5, -1])
            default: .floats([1, -1, 2])
            }
        }
        #expect(try stored.decoded() == [2.5, 1.5, -3, -2, 0, 0])
        #expect(try stored.floats(ofPart: "factors") == [1, -1, 2])
        #expect(try stored.floats(ofPart: "zeros").isEmpty)
        func made(_ codes: PartContent, _ others: PartContent) throws -> StoredMatrix {
            try StoredMatrix(form: .affineSigns, rows: 2, columns: 3) {
                $0.name == "codes" ? codes : others
            }
        }
        let codes = PartContent.codes([1, 0, 0, 0, 1, 1], values: 2)
        #expect(throws: QuantizationError.self) { try made(codes, .floats([1, 2])) }
        #expect(throws: QuantizationError.self) { try made(codes, .floats([1e6, 2])) }
        #expect(throws: QuantizationError.self) { try made(codes, codes) }
        #expect(throws: QuantizationError.self) { try made(.codes([2, 0], values: 2), codes) }
        let classes = MatrixForm.columnClasses([
            .init(columns: 1, form: .scaled(.int(2), .channel, .plain(.float32))),
            .init(columns: 2, form: .affineSigns),
        ])
        let mixed = try StoredMatrix(form: classes, rows: 1, columns: 3) { part in
            switch part.name {
            case "order": .places([2, 0, 1])
            case "class0.codes": .codes([3], values: 4)
            case "class1.codes": .codes([1, 0], values: 2)
            case "class1.offsets": .floats([0])
            case "class1.factors": .floats([1, 1])
            default: .floats([5])
            }
        }
        // Code 3 of a symmetric format of two bits is 1.
        #expect(try mixed.decoded() == [5, -5, 5])
    }

    @Test("codebooks of vectors find the vectors that there are")
    func vectors() throws {
        let book: [[Float]] = [[1, 2], [-3, 0.5], [0, 0], [4, -4]]
        let weights = (0..<80).flatMap { book[$0 * 3 % 4] }
        let stored = try StoredMatrix(
            weights, rows: 8, columns: 20, form: .vectors(dimension: 2, count: 4))
        #expect(try stored.decoded() == weights)
    }

    @Test("double quantization costs little and follows its definition")
    func doubleQuantization() throws {
        let weights = Tensor.normal([8, 256], seed: 9).elements.array
        let plain = try squaredError(
            weights, .scaled(.nf4, .group(64), .plain(.float32)), importance: nil)
        let form = MatrixForm.scaled(.nf4, .group(64), .quantized(.e4m3, group: 8))
        let double = try squaredError(weights, form, importance: nil)
        // E4M3 keeps a difference from the mean to 2⁻⁴ of itself, and scales have one sign here,
        // where plain ones have the better of two for levels that are no mirror image.
        #expect(double < 1.06 * plain)
        let stored = try StoredMatrix(weights, rows: 8, columns: 256, form: form)
        let parts = Dictionary(
            uniqueKeysWithValues: stored.parts.map { ($0.layout.name, $0.bytes) })
        let values = try stored.decoded()
        func float(_ name: String, _ index: Int) -> Float {
            Float(bitPattern: parts[name]?.load(at: 4 * index) ?? 0)
        }
        for group in 0..<32 {
            let code = try #require(parts["scale_codes"])[group]
            let scale =
                float("scale_mean", 0)
                + float("scale_scales", group / 8) * NumberFormat.e4m3.value(of: code)
            #expect(scale > 0)
            for place in 64 * group..<64 * group + 64 {
                let byte = try #require(parts["codes"])[place / 2]
                let level = NumberFormat.nf4.value(of: place % 2 == 0 ? byte & 15 : byte >> 4)
                #expect(values[place] == scale * level)
            }
        }
    }

    @Test("searches of blocks are never worse than the rule of their layout")
    func blocksAreSearched() throws {
        let weights = Tensor.normal([8, 70], seed: 10).elements.array
        for layout in BlockLayout.microscaling + [.nvfp4, .blockFloat(bits: 4)] {
            let rule = try BlockScaledMatrix(weights, rows: 8, columns: 70, layout: layout)
            func error(_ matrix: BlockScaledMatrix) -> Double {
                zip(weights, matrix.decoded()).reduce(0.0) {
                    $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
                }
            }
            for search in ScaleSearch.allCases {
                let found = try BlockScaledMatrix(
                    weights, rows: 8, columns: 70, layout: layout, search: search)
                #expect(error(found) <= error(rule) * (1 + 1e-6), "\(layout.name), \(search)")
            }
        }
    }
}
