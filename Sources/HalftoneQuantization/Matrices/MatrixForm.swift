import HalftoneFormats

/// How a matrix of weights is stored: a number format, and structures around it, as a tree.
///
/// Every structure takes any other form in its place of `base`, so that for example NF4 with
/// doubly quantized scales may hold what eight columns in 16 bits and a low-rank part leave over:
///
/// ```swift
/// let codes = MatrixForm.scaled(.nf4, .group(64), .quantized(.e4m3, group: 256))
/// let form = MatrixForm.outlierColumns(8, base: .lowRank(16, base: codes))
/// let stored = try StoredMatrix(weights, rows: 512, columns: 512, form: form)
/// stored.byteCount == (try form.byteCount(rows: 512, columns: 512))  // true
/// ```
///
/// Bytes depend on form and shape alone, never on the weights.
public indirect enum MatrixForm: Sendable, Hashable {
    /// Codes of a number format, each group with a scale; see `ScaledForm`.
    case scaled(NumberFormat, Granularity, ScaleStorage)
    /// Blocks that share a scale, as ``BlockScaledMatrix`` has them.
    case blocks(BlockLayout)
    /// Blocks of a GGUF type along the rows, a whole number of them.
    case gguf(BlockType)
    /// Two planes of bits, each with a real scale of its own for every group; see
    /// `DualBinaryForm`.
    case dualBinary(Granularity)
    /// Short vectors of a codebook that is fitted to the matrix; see `VectorForm`.
    case vectors(dimension: Int, count: Int)
    /// Pairs of columns as one of `{±1, ±i}` times a real scale for each of the two parts; see
    /// `ComplexForm`.
    case complexUnits
    /// Signs with a scale and an offset for each row and a factor for each column; see
    /// `AffineSignsForm`.
    case affineSigns
    /// The columns that matter most in 16 bits, the others in another form; see
    /// `OutlierColumnsForm`.
    case outlierColumns(Int, base: MatrixForm)
    /// Classes of columns, each with a form of its own, the columns that matter most in the first;
    /// see `ColumnClassesForm`.
    case columnClasses([ColumnClass])
    /// A number of levels for each column, the columns that matter most in the first class, over a
    /// range for each row or by a scale for each group; see `ColumnLevelsForm`.
    case columnLevels([LevelClass], group: Int?)
    /// A matrix in another form, and a product of two thin ones in 16 bits for what it leaves
    /// over; see `LowRankForm`.
    case lowRank(Int, base: MatrixForm)
    /// The sign of each element times a product of two thin matrices in 16 bits that is near to
    /// the magnitudes; see `SignedLowRankForm`.
    case signedLowRank(Int)
    /// Each form holds what the ones before leave over; the value is their sum. With one-bit forms
    /// a residual stack of binary planes.
    case residual([MatrixForm])
    /// A matrix in another form, and the elements that matter most added in 16 bits; see
    /// `SparseForm`.
    case sparse(Int, base: MatrixForm)

    /// Some columns and the form that they have.
    public struct ColumnClass: Sendable, Hashable {
        /// The number of columns.
        public var columns: Int
        /// Their form.
        public var form: MatrixForm

        /// Describes a class.
        public init(columns: Int, form: MatrixForm) {
            self.columns = columns
            self.form = form
        }
    }

    /// Columns with one number of levels.
    public struct LevelClass: Sendable, Hashable {
        /// 1 to 256.
        public var levels: Int
        /// The number of columns.
        public var columns: Int

        /// Describes a class.
        public init(levels: Int, columns: Int) {
            self.levels = levels
            self.columns = columns
        }
    }

    /// How the scales of groups are stored.
    public enum ScaleStorage: Sendable, Hashable {
        /// Each as a float; F8 with one float32 for all.
        case plain(ScaleFormat)
        /// Each as a float, and the zero point of its group as one, too: a real number where codes
        /// of affine integers would have it.
        case affine(ScaleFormat)
        /// Double quantization: one float32 mean for all scales, and for the differences from it
        /// codes of a number format with a float32 scale for each group of them.
        ///
        /// Source: T. Dettmers et al., "QLoRA", arXiv:2305.14314, section 3 (8-bit floats in
        /// groups of 256).
        case quantized(NumberFormat, group: Int)
        /// Double quantization from the least scale on: one float32 offset for all scales, and for
        /// the differences from it whole numbers of 1 to 8 bits that are a share of the largest
        /// difference of their group, which is a float.
        ///
        /// Source: H. Guo et al., "LQ-LoRA", arXiv:2311.12023, section 3.2.
        case offset(bits: Int, group: Int, ScaleFormat)
    }

    /// Forms within forms, at most.
    public static let maximumDepth = 8

    var coding: any MatrixCoding {
        switch self {
        case .scaled(let format, let granularity, let scales):
            ScaledForm(format: format, granularity: granularity, scales: scales)
        case .blocks(let layout): BlocksForm(layout: layout)
        case .gguf(let type): GGUFForm(type: type)
        case .dualBinary(let granularity): DualBinaryForm(granularity: granularity)
        case .vectors(let dimension, let count): VectorForm(dimension: dimension, count: count)
        case .complexUnits: ComplexForm()
        case .affineSigns: AffineSignsForm()
        case .outlierColumns(let count, let base): OutlierColumnsForm(count: count, base: base)
        case .columnClasses(let classes): ColumnClassesForm(classes: classes)
        case .columnLevels(let classes, let group):
            ColumnLevelsForm(classes: classes, groupSize: group)
        case .lowRank(let rank, let base): LowRankForm(rank: rank, base: base)
        case .signedLowRank(let rank): SignedLowRankForm(rank: rank)
        case .residual(let forms): ResidualForm(forms: forms)
        case .sparse(let count, let base): SparseForm(count: count, base: base)
        }
    }

    /// The forms inside this one.
    var inner: [MatrixForm] {
        switch self {
        case .outlierColumns(_, let base), .lowRank(_, let base), .sparse(_, let base): [base]
        case .residual(let forms): forms
        case .columnClasses(let classes): classes.map(\.form)
        default: []
        }
    }
}

extension MatrixForm {
    /// The parts that hold a matrix: their names, types and shapes.
    ///
    /// - Throws: ``QuantizationError`` for a form that the shape does not have.
    public func layout(rows: Int, columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (0...1 << 30).contains(rows), (0...1 << 30).contains(columns),
            rows * columns <= 1 << 40
        else { throw .badForm("no form holds \(rows) rows of \(columns)") }
        guard fits(depth: Self.maximumDepth) else {
            throw .badForm("forms are at most \(Self.maximumDepth) deep and 64 side by side")
        }
        return try coding.layout(rows, columns)
    }

    private func fits(depth: Int) -> Bool {
        depth > 0 && inner.count <= 64 && inner.allSatisfy { $0.fits(depth: depth - 1) }
    }

    /// Bytes of a matrix, all parts counted.
    public func byteCount(rows: Int, columns: Int) throws(QuantizationError) -> Int {
        try layout(rows: rows, columns: columns).reduce(0) { $0 + $1.byteCount }
    }

    /// Bits per weight of a matrix, all parts counted.
    public func bitsPerWeight(rows: Int, columns: Int) throws(QuantizationError) -> Double {
        Double(8 * (try byteCount(rows: rows, columns: columns))) / Double(max(rows * columns, 1))
    }
}

extension MatrixForm: CustomStringConvertible {
    /// A short text for tables: `nf4 g64 f16`, `8 columns + mxfp4`, `rank 4 + Q4_K`.
    public var description: String {
        switch self {
        case .scaled(let format, let granularity, let scales):
            let group = if case .group = granularity { "g\(granularity)" } else { "\(granularity)" }
            let scale =
                switch scales {
                case .plain(let format): format.rawValue
                case .affine(let format): "\(format.rawValue) zeros"
                case .quantized(let format, let group): "\(format)/\(group)"
                case .offset(let bits, let group, let format):
                    "u\(bits)/\(group)/\(format.rawValue)"
                }
            return "\(format) \(group) \(scale)"
        case .blocks(let layout): return layout.name
        case .gguf(let type): return type.name
        case .dualBinary(let granularity): return "dual-binary \(granularity)"
        case .vectors(let dimension, let count): return "\(count) vectors of \(dimension)"
        case .complexUnits: return "complex units"
        case .affineSigns: return "affine signs"
        case .outlierColumns(let count, let base): return "\(count) columns + \(base)"
        case .columnClasses(let classes):
            return classes.map { "\($0.columns) × \($0.form)" }.joined(separator: " | ")
        case .columnLevels(let classes, let group):
            return classes.map { "\($0.columns) × \($0.levels)" }.joined(separator: " | ")
                + " levels" + (group.map { " g\($0)" } ?? "")
        case .lowRank(let rank, let base): return "rank \(rank) + \(base)"
        case .signedLowRank(let rank): return "signs of rank \(rank)"
        case .residual(let forms): return forms.map(\.description).joined(separator: " + ")
        case .sparse(let count, let base): return "\(count) elements + \(base)"
        }
    }
}

/// A part of a stored matrix before it has bytes.
public struct PartLayout: Sendable, Hashable {
    /// Its name below that of the matrix: `codes`, `base.scales`.
    public var name: String
    /// The type of its elements.
    public var type: ElementType
    /// Outermost dimension first.
    public var shape: [Int]

    init(_ name: String, _ type: ElementType, _ shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Bytes of the part.
    public var byteCount: Int { shape.reduce(1, *) * type.bits / 8 }

    /// The same part inside another form.
    func inside(_ place: String) -> Self { Self("\(place).\(name)", type, shape) }
}
