import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Error compensation with integer codes: each column is rounded to nearest, and the later ones
/// make up for it.
///
/// A group's scale is chosen when its first column is reached, from its weights as they are then;
/// with columns in the order of activation the groups are not met one after another, and their
/// scales are chosen from the original weights (`static_groups` of GPTQModel).
///
/// Source: E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh, "GPTQ: Accurate Post-Training
/// Quantization for Generative Pre-trained Transformers", ICLR 2023, arXiv:2210.17323. Scales are
/// chosen by the scheme's search, which the authors' program does with `absmax`, and errors count
/// in it what they cost at their turn.
public struct GPTQ: WeightMethod {
    /// The share of the mean second moment that is added to all of them.
    public var damping: Double

    /// In which order columns are rounded.
    public var order: ErrorCompensation.Order

    /// What errors count in the search for scales.
    public var weighting: Weighting

    /// What the squared error of a column counts when scales are searched.
    public enum Weighting: String, Sendable, CaseIterable, Codable {
        /// 1.
        case uniform
        /// What it costs when its turn has come and later columns make up for it.
        case compensated
    }

    /// Creates the method.
    ///
    /// `halftone compress --method gptq` has options for the order and the weighting, so that their
    /// worth can be measured on any model.
    public init(
        damping: Double = 0.01, order: ErrorCompensation.Order = .activation,
        weighting: Weighting = .compensated
    ) {
        self.damping = damping
        self.order = order
        self.weighting = weighting
    }

    /// Second moments.
    public var inputDetail: InputStatistics.Detail { .gram }

    /// The method with the factor of the inputs' second moments.
    public func prepared(
        for inputs: InputStatistics, pool: WorkerPool
    ) throws(QuantizationError) -> any WeightMethod {
        PreparedGPTQ(
            method: self,
            engine: try ErrorCompensation(inputs, damping: damping, order: order, pool: pool))
    }

    /// Quantizes one matrix; see `WeightMethod.quantize(_:scheme:inputs:pool:)`.
    ///
    /// Without inputs weights are rounded to nearest.
    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        guard let inputs else {
            return try RoundToNearest().quantize(weight, scheme: scheme, pool: pool)
        }
        return try prepared(for: inputs, pool: pool).quantize(
            weight, scheme: scheme, inputs: inputs, pool: pool)
    }

    /// As ``quantize(_:scheme:inputs:pool:)``, with what each column cost.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]`.
    ///   - scheme: Format, groups and scales.
    ///   - engine: Made of the layer's inputs; may serve several layers that read the same.
    ///   - pool: The threads to use.
    /// - Returns: The codes, and by place in the order of rounding the squared output per token
    ///   that the column's errors cost.
    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, engine: ErrorCompensation,
        pool: WorkerPool
    ) throws(QuantizationError) -> (tensor: QuantizedTensor, losses: [Double]) {
        let (rows, columns) = (weight.rows, weight.columns)
        let plan = try RowPlan(
            weight, scheme: scheme, importance: importance(engine), pool: pool)
        let size = min(scheme.granularity.groupSize(inFeatures: columns), max(columns, 1))
        let bits = scheme.format.bits
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: bits)
        let groups = plan.shared == nil ? scheme.granularity.groupsPerRow(inFeatures: columns) : 0
        let all = Mutex(QuantizedRows(rows: rows, rowBytes: rowBytes, groups: groups))
        let isNatural = engine.columns.elementsEqual(0..<columns)
        let losses = try engine.round(
            weight, groupSize: isNatural ? size : max(columns, 1), pool: pool
        ) { row in
            GroupColumns(
                plan: plan, row: row, groupSize: size, columns: isNatural ? nil : engine.columns,
                width: columns)
        } take: { row, quantizer in
            var part = QuantizedRows(rows: 0, rowBytes: 0, groups: 0)
            part.codes = PackedCodes.pack(
                codes: quantizer.codes, rows: 1, columns: columns, bits: bits)
            if groups > 0 {
                part.scales = quantizer.choices.map(\.scale)
                part.zeros = quantizer.choices.map(\.zero)
            }
            all.withLock {
                $0.replace(row..<row + 1, with: part, rowBytes: rowBytes, groups: groups)
            }
        }
        let tensor = try QuantizedTensor(
            all.withLock { $0 }, rows: rows, columns: columns, plan: plan)
        return (tensor, losses)
    }
}

extension GPTQ {
    /// What the squared error of each column counts when scales are searched; nil for 1.
    private func importance(_ engine: ErrorCompensation) -> [Float]? {
        weighting == .compensated ? engine.costsByColumn : nil
    }

    /// Packs one matrix; see `WeightMethod.packed(_:as:inputs:pool:)`.
    ///
    /// Blocks get the scales of least squared error of the original weights, and columns are
    /// rounded to what those leave, the later ones making up for the errors of the earlier.
    public func packed(
        _ weight: any WeightMatrix, as packing: WeightPacking, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> PackedWeight {
        guard let inputs else {
            return try RoundToNearest().packed(weight, as: packing, inputs: nil, pool: pool)
        }
        return try prepared(for: inputs, pool: pool).packed(
            weight, as: packing, inputs: inputs, pool: pool)
    }

    /// As ``packed(_:as:inputs:pool:)`` with the factor of the inputs' second moments.
    fileprivate func blocks(
        _ weight: any WeightMatrix, _ type: BlockType, _ engine: ErrorCompensation,
        _ pool: WorkerPool
    ) throws(QuantizationError) -> BlockMatrix {
        let width = max(weight.columns, 1)
        let importance = importance(engine)
        let bytes = Mutex([[UInt8]](repeating: [], count: weight.rows))
        _ = try engine.round(weight, groupSize: width, pool: pool) { row in
            BlockColumns(type: type, columns: engine.columns, importance: importance)
        } take: { row, quantizer in
            let found = quantizer.row?.bytes ?? []
            bytes.withLock { $0[row] = found }
        }
        return try BlockMatrix(type, rows: bytes.withLock { $0 }, columns: weight.columns)
    }
}

/// Error compensation whose factor is there.
private struct PreparedGPTQ: WeightMethod {
    let method: GPTQ
    let engine: ErrorCompensation

    var inputDetail: InputStatistics.Detail { method.inputDetail }

    var columnErrors: ColumnErrors? {
        ColumnErrors(costs: engine.costs, handedOn: engine.handedOn)
    }

    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        try method.quantize(weight, scheme: scheme, engine: engine, pool: pool).tensor
    }

    func packed(
        _ weight: any WeightMatrix, as packing: WeightPacking, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> PackedWeight {
        switch packing {
        case .codes(let scheme):
            .codes(try quantize(weight, scheme: scheme, inputs: inputs, pool: pool))
        case .blocks(let type) where BlockRow.has(type):
            .blocks(try method.blocks(weight, type, engine, pool))
        case .blocks(let type):
            .blocks(
                try BlockMatrix(
                    weight, as: type, importance: inputs?.meanSquares, pool: pool))
        }
    }
}

/// The columns of one row as blocks whose scales were found beforehand.
private struct BlockColumns: ColumnQuantizer {
    let type: BlockType
    /// The columns by place.
    let columns: [Int]
    let importance: [Float]?
    private(set) var row: BlockRow?

    init(type: BlockType, columns: [Int], importance: [Float]?) {
        self.type = type
        self.columns = columns
        self.importance = importance
    }

    mutating func begin(
        at place: Int, _ weights: ArraySlice<Float>
    ) throws(QuantizationError) {
        do throws(BlockError) {
            row = try BlockRow(type, weights.byColumn(columns), importance: importance)
        } catch {
            throw .badForm(error.description)
        }
    }

    mutating func round(_ weight: Float, at place: Int) -> Float {
        row?.round(weight, at: columns[place]) ?? weight
    }
}

/// The columns of one row as integer codes with a scale for each group.
private struct GroupColumns: ColumnQuantizer {
    private let plan: RowPlan
    private let row: Int
    private let groupSize: Int
    /// The columns by place, or nil when they are rounded as they stand.
    private let columns: [Int]?
    private let most: Float
    private(set) var codes: [UInt8]
    private(set) var choices: [ScaleChoice]
    /// One over each scale, 0 where there is none.
    private var inverses: [Float]

    init(plan: RowPlan, row: Int, groupSize: Int, columns: [Int]?, width: Int) {
        self.plan = plan
        self.row = row
        self.groupSize = groupSize
        self.columns = columns
        most = Float(plan.scheme.format.maximumCode)
        codes = [UInt8](repeating: 0, count: width)
        (choices, inverses) = ([], [])
        let count = plan.scheme.granularity.groupsPerRow(inFeatures: width)
        choices.reserveCapacity(count)
        inverses.reserveCapacity(count)
    }

    mutating func begin(
        at place: Int, _ weights: ArraySlice<Float>
    ) throws(QuantizationError) {
        guard let columns else {
            take(try plan.choice(weights, row: row, column: place))
            return
        }
        // The whole row before anything is rounded: scales of groups of neighbours.
        let values = weights.byColumn(columns)
        for first in stride(from: 0, to: values.count, by: groupSize) {
            let group = values[first..<min(first + groupSize, values.count)]
            take(try plan.choice(group, row: row, column: first))
        }
    }

    private mutating func take(_ choice: ScaleChoice) {
        choices.append(choice)
        let inverse = 1 / choice.scale
        inverses.append(inverse.isFinite ? inverse : 0)
    }

    mutating func round(_ weight: Float, at place: Int) -> Float {
        let column = columns?[place] ?? place
        let group = columns == nil ? choices.count - 1 : column / groupSize
        let (choice, inverse) = (choices[group], inverses[group])
        guard inverse != 0 else {
            codes[column] = UInt8(choice.zero)
            return 0
        }
        let steps = weight * inverse + choice.zero
        // Adding and subtracting 1.5 · 2²³ rounds to the nearest even integer.
        let rounded = (min(max(steps, 0), most) + 0x1.8p23) - 0x1.8p23
        codes[column] = UInt8(rounded)
        return (rounded - choice.zero) * choice.scale
    }
}
