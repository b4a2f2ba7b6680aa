import HalftoneFormats

/// A ``MatrixForm`` for matrices of any shape, as a short text says it.
///
/// ```
/// e3m2/32/f16                    a number format, weights to a scale, how scales are stored
/// nf4/64/e4m3:256                scales as codes themselves, 256 to a second scale
/// lqnf3/64/u8:256:f16            scales as whole numbers from the least one on
/// mxfp6e3m2, nvfp4, bfp4e8g16    blocks that share a scale
/// Q4_K                           blocks of a GGUF type
/// dual-binary/64                 two planes of bits with a real scale each
/// vectors/2/256                  pairs of a fitted codebook of 256
/// signs/16                       signs times magnitudes of a rank
/// complex                        ±1 and ±i for pairs of columns
/// affine-signs                   signs with scales and offsets of rows and factors of columns
/// columns=1%+int3/64             the columns that matter most in 16 bits
/// sparse=0.5%+int3/64            the elements that matter most added in 16 bits
/// rank=8+int3/64                 a product of thin matrices for what is left over
/// binary/64+binary/64            each for what the ones before leave over
/// int4/64@25%,int2/64            classes of columns, the first for those that matter most
/// ```
///
/// A prefix with `=` holds for all that follows, `+` binds closer than `,`, and parentheses group.
/// Numbers of columns and elements are counts or shares. Groups have 64 weights, or are `channel`,
/// `tensor` or `column`; scales are F16 where nothing else is said.
public struct FormRecipe: Sendable, Hashable {
    let root: Node

    /// A part of the text.
    indirect enum Node: Sendable, Hashable {
        case plain(MatrixForm)
        case outlierColumns(Amount, Node)
        case sparse(Amount, Node)
        case lowRank(Int, Node)
        case residual([Node])
        case classes([Class])
    }

    /// A form for some of the columns; without a number for all that are left.
    struct Class: Sendable, Hashable {
        var amount: Amount?
        var form: Node
    }

    /// How many of some things.
    enum Amount: Sendable, Hashable {
        case count(Int)
        case percent(Double)

        func of(_ total: Int) -> Int {
            switch self {
            case .count(let count): count
            case .percent(let percent): Int((Double(total) * percent / 100).rounded())
            }
        }
    }

    /// Reads a text.
    ///
    /// - Throws: ``FormRecipeError`` that says which part is none.
    public init(_ text: String) throws(FormRecipeError) {
        var parser = FormRecipeParser(text)
        root = try parser.whole()
    }

    /// The form of a matrix; a rank is at most the smaller side.
    ///
    /// - Throws: ``QuantizationError`` for a form that the shape does not have.
    public func form(rows: Int, columns: Int) throws(QuantizationError) -> MatrixForm {
        let form = try root.form(rows: rows, columns: columns)
        _ = try form.layout(rows: rows, columns: columns)
        return form
    }
}

extension FormRecipe.Node {
    fileprivate func form(rows: Int, columns: Int) throws(QuantizationError) -> MatrixForm {
        switch self {
        case .plain(.signedLowRank(let rank)): return .signedLowRank(min(rank, rows, columns))
        case .plain(let form): return form
        case .outlierColumns(let amount, let base):
            let count = amount.of(columns)
            guard count <= columns else {
                throw .badForm("\(count) outlier columns of \(columns)")
            }
            return .outlierColumns(
                count, base: try base.form(rows: rows, columns: columns - count))
        case .sparse(let amount, let base):
            return .sparse(
                amount.of(rows * columns), base: try base.form(rows: rows, columns: columns))
        case .lowRank(let rank, let base):
            return .lowRank(
                min(rank, rows, columns), base: try base.form(rows: rows, columns: columns))
        case .residual(let stages):
            var forms: [MatrixForm] = []
            for stage in stages { forms.append(try stage.form(rows: rows, columns: columns)) }
            return .residual(forms)
        case .classes(let classes):
            let sum = classes.reduce(0) { $0 + ($1.amount?.of(columns) ?? 0) }
            guard sum <= columns else {
                throw .badForm("classes of \(sum) columns where there are \(columns)")
            }
            var made: [MatrixForm.ColumnClass] = []
            for one in classes {
                let count = one.amount?.of(columns) ?? columns - sum
                made.append(
                    .init(columns: count, form: try one.form.form(rows: rows, columns: count)))
            }
            return .columnClasses(made)
        }
    }
}

extension FormRecipe: CustomStringConvertible {
    /// The text, with everything said that was left out.
    public var description: String { root.text }
}

extension FormRecipe.Node {
    fileprivate var text: String {
        switch self {
        case .plain(let form): return form.recipeText
        case .outlierColumns(let amount, let base): return "columns=\(amount)+\(base.grouped)"
        case .sparse(let amount, let base): return "sparse=\(amount)+\(base.grouped)"
        case .lowRank(let rank, let base): return "rank=\(rank)+\(base.grouped)"
        case .residual(let stages): return stages.map(\.grouped).joined(separator: "+")
        case .classes(let classes):
            return classes.map { one in
                one.form.grouped + (one.amount.map { "@\($0)" } ?? "")
            }.joined(separator: ",")
        }
    }

    /// The text inside another form.
    private var grouped: String { if case .plain = self { text } else { "(\(text))" } }
}

extension FormRecipe.Amount: CustomStringConvertible {
    /// `16` or `0.5%`.
    var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .percent(let percent):
            percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
        }
    }
}

extension MatrixForm {
    /// What stands for a form in a recipe, for those that are no structures around others.
    fileprivate var recipeText: String {
        switch self {
        case .scaled(let format, let granularity, .plain(let scale)):
            "\(format)/\(granularity)/\(scale.rawValue)"
        case .scaled(let format, let granularity, .affine(let scale)):
            "\(format)/\(granularity)/\(scale.rawValue):zeros"
        case .scaled(let format, let granularity, .quantized(let second, let group)):
            "\(format)/\(granularity)/\(second):\(group)"
        case .scaled(let format, let granularity, .offset(let bits, let group, let scale)):
            "\(format)/\(granularity)/u\(bits):\(group):\(scale.rawValue)"
        case .blocks(let layout): layout.name
        case .gguf(let type): type.name
        case .dualBinary(let granularity): "dual-binary/\(granularity)"
        case .vectors(let dimension, let count): "vectors/\(dimension)/\(count)"
        case .signedLowRank(let rank): "signs/\(rank)"
        case .complexUnits: "complex"
        case .affineSigns: "affine-signs"
        default: description
        }
    }
}

/// Why a text is no recipe of a form.
public struct FormRecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was found and what would do.
    public let description: String

    init(_ description: String) { self.description = description }
}
