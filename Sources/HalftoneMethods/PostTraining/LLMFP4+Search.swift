import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// Inputs of a layer in the float model: some tokens, and the largest magnitudes of all.
struct InputSample {
    private let step: Int
    private var seen = 0
    private(set) var values: [Float] = []
    private(set) var largest: [Float] = []
    /// Whether all that was seen is.
    private(set) var isFinite = true

    /// Keeps every so many tokens.
    init(step: Int) { self.step = step }

    mutating func add(_ inputs: [Float], width: Int) {
        isFinite = isFinite && inputs.allSatisfy(\.isFinite)
        if largest.isEmpty { largest = [Float](repeating: 0, count: width) }
        for first in stride(from: 0, to: inputs.count, by: width) {
            for channel in 0..<width {
                largest[channel] = max(largest[channel], inputs[first + channel].magnitude)
            }
            if seen % step == 0 { values += inputs[first..<first + width] }
            seen += 1
        }
    }
}

/// The joint search of matrices that read the same activations (algorithm 1 of the paper).
struct LayerSearch {
    private let method: LLMFP4
    private let inputs: Tensor
    private let largest: [Float]
    /// What the float layers give, `[tokens, rows]` of each matrix.
    private let outputs: [Tensor]
    private(set) var matrices: [RowBiasSearch]
    private(set) var activations: PreshiftedFloat

    init(_ sample: InputSample, _ weights: [any WeightMatrix], method: LLMFP4) {
        self.method = method
        largest = sample.largest
        let width = largest.count
        let inputs = Tensor(shape: [sample.values.count / width, width], elements: sample.values)
        self.inputs = inputs
        let values = weights.map {
            Tensor(shape: [$0.rows, $0.columns], elements: $0.decodedFloats())
        }
        outputs = values.map { inputs.matmul($0, transposingSecond: true) }
        matrices = values.map { RowBiasSearch($0, method: method) }
        activations = PreshiftedFloat(
            LLMFP4.start(bits: method.activationBits), largest: largest,
            hasShifts: method.hasShifts)
    }

    /// Lets weights and activations take turns.
    mutating func run() {
        for _ in 0..<method.rounds {
            let rounded = rounded(activations)
            let moments = rounded.matmul(rounded, transposingFirst: true)
            for index in matrices.indices {
                matrices[index].choose(
                    moments: moments,
                    cross: outputs[index].matmul(rounded, transposingFirst: true))
            }
            chooseActivations()
        }
    }

    private func rounded(_ rounding: PreshiftedFloat) -> Tensor {
        var values = Array(inputs.elements)
        rounding.round(&values)
        return Tensor(shape: inputs.shape, elements: values)
    }

    /// The format and the bias of least squared error of all outputs.
    ///
    /// With `M = WqᵀWq` and `R = Y·Wq` of all matrices, that is the least sum of
    /// `xq·(M·xq − 2·r)` over tokens.
    private mutating func chooseActivations() {
        let width = largest.count
        var moments = Tensor.zeros([width, width])
        var cross = Tensor.zeros(inputs.shape)
        for (matrix, output) in zip(matrices, outputs) {
            let weights = matrix.rounded()
            moments = moments + weights.matmul(weights, transposingFirst: true)
            cross = cross + output.matmul(weights)
        }
        var least = Double.infinity
        for format in LLMFP4.formats(bits: method.activationBits) {
            for factor in method.factors {
                let candidate = PreshiftedFloat(
                    format, largest: largest, factor: factor, hasShifts: method.hasShifts)
                let values = rounded(candidate)
                let error = RowBiasSearch.errors(values, moments, cross).reduce(0, +)
                if error < least { (least, activations) = (error, candidate) }
            }
        }
    }
}

/// A matrix of small floats with a real bias for each row.
struct RowBiasSearch {
    private let weight: Tensor
    private let method: LLMFP4
    /// The largest magnitude of each row.
    private let largest: [Float]
    private(set) var format: FloatFormat
    /// What the levels of each row are multiplied with.
    private(set) var scales: [Float]

    /// Covers the largest magnitude of each row with the start format.
    init(_ weight: Tensor, method: LLMFP4) {
        self.weight = weight
        self.method = method
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        let values = weight.elements
        let largest = (0..<rows).map { row in
            (row * columns..<(row + 1) * columns).reduce(Float(0)) {
                max($0, values[$1].magnitude)
            }
        }
        self.largest = largest
        format = LLMFP4.start(bits: method.weightBits)
        scales = Self.scales(largest, SmallFloatGrid(format), factor: 1, method)
    }

    private static func scales(
        _ largest: [Float], _ grid: SmallFloatGrid, factor: Double, _ method: LLMFP4
    ) -> [Float] {
        let most = Float(method.factors.max() ?? 1) * (largest.max() ?? 0)
        let codec = ScaleCodec(
            method.scaleFormat, largest: max(most, largest.max() ?? 0) / grid.top)
        return largest.map { codec.nearest(Float(factor * Double($0) / Double(grid.top))) }
    }

    /// What is stored, in float32.
    func rounded() -> Tensor { rounded(SmallFloatGrid(format), scales) }

    private func rounded(_ grid: SmallFloatGrid, _ scales: [Float]) -> Tensor {
        let columns = weight.shape[1]
        let values = weight.elements
        let elements = FloatArray(count: values.count) { result in
            for row in scales.indices {
                let scale = scales[row]
                for place in row * columns..<(row + 1) * columns {
                    result[place] = scale == 0 ? 0 : grid.nearest(values[place] / scale) * scale
                }
            }
        }
        return Tensor(shape: weight.shape, elements: elements)
    }

    /// Chooses the format, and for each row the scale, of least squared error of the outputs.
    ///
    /// With `G = XqᵀXq` and `c = Xqᵀy` of a row, that is the least `wq·(G·wq − 2·c)`.
    ///
    /// - Parameters:
    ///   - moments: `G`, `[columns, columns]`.
    ///   - cross: `c` of each row; nil for inputs that stay float, where it is `G·w`.
    mutating func choose(moments: Tensor, cross: Tensor? = nil) {
        let cross = cross ?? weight.matmul(moments)
        var least = Double.infinity
        for format in LLMFP4.formats(bits: method.weightBits) {
            let grid = SmallFloatGrid(format)
            var best = scales
            var errors = [Double](repeating: .infinity, count: scales.count)
            for factor in method.factors {
                let candidates = Self.scales(largest, grid, factor: factor, method)
                let found = Self.errors(rounded(grid, candidates), moments, cross)
                for row in found.indices where found[row] < errors[row] {
                    (errors[row], best[row]) = (found[row], candidates[row])
                }
            }
            let sum = errors.reduce(0, +)
            if sum < least { (least, self.format, scales) = (sum, format, best) }
        }
    }

    /// `a·(M·a − 2·b)` of each row of two matrices.
    static func errors(_ values: Tensor, _ moments: Tensor, _ cross: Tensor) -> [Double] {
        let (rows, columns) = (values.shape[0], values.shape[1])
        let (one, product, other) = (
            values.elements, values.matmul(moments).elements, cross.elements
        )
        let (first, second, third) = (one.span, product.span, other.span)
        return (0..<rows).map { row in
            var sum = 0.0
            for place in row * columns..<(row + 1) * columns {
                sum += Double(first[place] * (second[place] - 2 * third[place]))
            }
            return sum
        }
    }

    /// The codes, with the scale of each row.
    func stored() throws(QuantizationError) -> StoredMatrix {
        try StoredMatrix(
            Array(weight.elements), rows: weight.shape[0], columns: weight.shape[1],
            format: NumberFormat(.float(format)), granularity: .channel, scales: scales,
            storedAs: method.scaleFormat)
    }
}
