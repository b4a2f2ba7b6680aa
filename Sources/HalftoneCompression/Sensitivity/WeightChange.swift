import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// A matrix of a model, with what is known of what it reads.
public struct WeightSite: Sendable {
    /// Which matrix.
    public let role: Role
    /// Its elements, `[rows, columns]`: all rows, or each ``rowStep``th one, which stand for all.
    public let original: Tensor
    /// The same in the form that methods quantize.
    public let matrix: any WeightMatrix
    /// Of so many rows the first is there.
    public let rowStep: Int
    /// What codes are found for: the inputs of a layer, or what errors of a table cost
    /// (``TableInputs``); nil for a table whose errors all count alike.
    public let inputs: InputStatistics?
    /// The mean of `x·xᵀ` over the tokens that changes are judged on, `[columns, columns]`; nil for
    /// a table that is looked up and multiplies nothing.
    public let moments: Tensor?
    /// How often each row is looked up, as a share of all tokens, `[rows]`; nil for layers.
    public let shares: Tensor?

    /// Describes a matrix.
    ///
    /// - Parameters:
    ///   - role: Which matrix.
    ///   - matrix: All of its rows.
    ///   - rowStep: Each so manieth row stands for all.
    ///   - inputs: What codes are found for.
    ///   - moments: The mean of `x·xᵀ` over the tokens that changes are judged on.
    ///   - counts: How often each row is looked up, for a table.
    public init(
        _ role: Role, _ matrix: any WeightMatrix, rowStep: Int = 1, inputs: InputStatistics? = nil,
        moments: Tensor? = nil, counts: [Float]? = nil
    ) {
        self.role = role
        self.rowStep = rowStep
        self.inputs = inputs
        self.moments = moments
        self.matrix =
            rowStep == 1
            ? matrix : matrix.gatheringRows(Array(stride(from: 0, to: matrix.rows, by: rowStep)))
        original = Tensor(
            shape: [self.matrix.rows, matrix.columns], elements: self.matrix.decoded())
        shares = counts.map { counts in
            Self.sample(counts, rowStep) * (1 / max(counts.reduce(0, +), .leastNormalMagnitude))
        }
    }

    private init(_ other: WeightSite, inputs: InputStatistics?) {
        (role, original, matrix) = (other.role, other.original, other.matrix)
        (rowStep, moments, shares) = (other.rowStep, other.moments, other.shares)
        self.inputs = inputs
    }

    /// The same matrix, whose codes are to be found for these inputs.
    func reading(_ inputs: InputStatistics?) -> WeightSite { WeightSite(self, inputs: inputs) }

    /// What stands for the numbers of all rows: those of the rows that are there, scaled up to the
    /// sum of all.
    func taken(_ numbers: [Float]) -> Tensor { Self.sample(numbers, rowStep) }

    private static func sample(_ numbers: [Float], _ rowStep: Int) -> Tensor {
        guard rowStep > 1 else { return Tensor(shape: [numbers.count], elements: numbers) }
        let taken = stride(from: 0, to: numbers.count, by: rowStep).map { numbers[$0] }
        let (all, some) = (numbers.reduce(0, +), taken.reduce(0, +))
        return Tensor(shape: [taken.count], elements: taken) * (some > 0 ? all / some : 1)
    }

    /// What each row of a matrix of this site's shape gives, squared and mean over tokens, `[rows]`:
    /// the diagonal of `D·M·Dᵀ`; of a table that multiplies nothing, the sum of its squares.
    func squares(_ matrix: Tensor) -> Tensor {
        let product = moments.map { matrix.matmul($0) } ?? matrix
        return (product * matrix).sum(axes: [1])
    }
}

/// A matrix as it is and as it would be stored.
public struct WeightChange: Sendable {
    /// The part of a matrix that is changed.
    public enum Slice: Sendable, Hashable {
        /// All of it.
        case whole
        /// Output channels.
        case rows(Range<Int>)
        /// Input columns.
        case columns(Range<Int>)
        /// One bit of every code, 0 the least: read as a half where it is 0 or 1.
        case plane(Int)
    }

    /// The matrix as it is.
    public let site: WeightSite
    /// How it would be stored.
    public let packing: WeightPacking
    /// What of it.
    public let slice: Slice
    /// The matrix to compute with.
    public let matrix: any WeightMatrix
    /// What is taken away from the elements, `[rows, columns]`, 0 outside the slice.
    public let difference: Tensor

    /// Part of a matrix stored as it was packed; the rest stays float.
    ///
    /// - Parameters:
    ///   - site: The matrix.
    ///   - packed: All of it, packed.
    ///   - slice: What is changed, by default all; bit planes need codes.
    public init(_ site: WeightSite, _ packed: PackedWeight, _ slice: Slice = .whole) {
        self.site = site
        packing = packed.packing
        self.slice = slice
        difference = Self.difference(site, packed, slice)
        matrix =
            slice == .whole ? packed.matrix : (site.original - difference).weightMatrix()
    }

    private static func difference(
        _ site: WeightSite, _ packed: PackedWeight, _ slice: Slice
    ) -> Tensor {
        let (rows, columns) = (packed.rows, packed.columns)
        if case .plane(let plane) = slice {
            guard let codes = packed.codes else {
                preconditionFailure("\(packed.packing) has no codes with bits")
            }
            return codes.lost(plane: plane)
        }
        let difference = site.original - packed.dequantized()
        if slice == .whole { return difference }
        let whole = difference.elements.span
        let values = (0..<rows * columns).map { place -> Float in
            switch slice {
            case .rows(let range): range.contains(place / columns) ? whole[place] : 0
            case .columns(let range): range.contains(place % columns) ? whole[place] : 0
            case .whole, .plane: whole[place]
            }
        }
        return Tensor(shape: [rows, columns], elements: values)
    }
}

extension QuantizedTensor {
    /// What each element differs by from itself with a bit of its code read as a half:
    /// `±scale · 2^plane / 2`, `[rows, columns]`.
    fileprivate func lost(plane: Int) -> Tensor {
        let codes = PackedCodes.unpack(
            parts.codes, rows: rows, columns: columns, bits: scheme.format.bits)
        let (size, groups) = (matrix.groupSize, matrix.groupsPerRow)
        let half = Float(1 << plane) / 2
        let values = codes.enumerated().map { place, code in
            let scale = matrix.scales[place / columns * groups + place % columns / size]
            return code >> UInt8(plane) & 1 == 1 ? scale * half : -scale * half
        }
        return Tensor(shape: [rows, columns], elements: values)
    }
}
