import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor
import HalftoneTransforms
import Foundation

/// Centres the channels of activations and divides those that stick out, so that weights and
/// activations can be rounded together; both are moved into neighbouring parameters.
///
/// A channel is shifted by the middle of its range, where the model has a bias that takes it up,
/// and divided by `max(1, max/t, −min/t)`: channels within `±t` are left alone. One threshold `t`
/// for each place is found on a grid, by what the layers that read it give when inputs and
/// weights are rounded.
///
/// Source: X. Wei et al., "Outlier Suppression+: Accurate quantization of large language models by
/// equivalent and optimal shifting and scaling", EMNLP 2023, arXiv:2304.09145, equations 3 to 9.
/// Departs from it in three places: the outputs that are compared are those of the linear layers that
/// read a place, not of attention behind them; the grid of thresholds is geometric, since most of a
/// straight one lies where nothing changes; and ranges are those of the first ``tokenLimit`` tokens.
public struct OutlierSuppressionPlus: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "outlier-suppression-plus", title: "Outlier Suppression+",
        paper: Paper(
            title:
                "Outlier Suppression+: Accurate quantization of large language models by "
                + "equivalent and optimal shifting and scaling",
            arXiv: "2304.09145", year: 2023),
        family: .postTraining, stage: .transform, needs: [.pretrainedModel, .calibrationData],
        claims: [
            MethodClaim(
                id: "keeps-the-function",
                "Shifting and scaling change nothing but the rounding of floats."),
            MethodClaim(
                id: "recovers-asymmetric-outliers",
                "Where outlier channels are not centred, shifting and scaling bring 6-bit "
                    + "weights and activations with one scale per tensor back to the float model.",
                published: PublishedFigure(
                    "near float at 8 and 6 bits for BERT, OPT and BLOOM", source: "abstract")),
            MethodClaim(
                id: "shifting-matters",
                "Scaling without shifting recovers less where outlier channels are asymmetric."),
            MethodClaim(
                id: "helps-at-4-bits",
                "At 4-bit weights and activations a Llama loses less with scaling.",
                published: PublishedFigure(
                    "LLaMA-7B W4A4, mean of six tasks: 48.43 against 38.41 of SmoothQuant",
                    source: "OmniQuant's table, quoting its own runs")),
        ])

    /// How weights are rounded.
    public var weights: WeightScheme

    /// How activations are rounded.
    public var activations: ActivationRounding

    /// Whether channels are shifted where they can be.
    public var shifts: Bool

    /// Whether channels are scaled.
    public var scales: Bool

    /// Thresholds that are tried at each place, from the largest magnitude down.
    public var thresholds: Int

    /// Tokens from the first on that ranges are taken of and thresholds tried on, at most.
    public var tokenLimit: Int

    /// Creates the method.
    ///
    /// - Parameters:
    ///   - weights: How weights are rounded.
    ///   - activations: How activations are rounded.
    ///   - shifts: Whether channels are shifted where they can be.
    ///   - scales: Whether channels are scaled.
    ///   - thresholds: Thresholds that are tried; the authors try 100 or more on a straight grid.
    ///   - tokenLimit: Tokens that a threshold is tried on; the authors use one batch.
    public init(
        weights: WeightScheme, activations: ActivationRounding, shifts: Bool = true,
        scales: Bool = true, thresholds: Int = 40, tokenLimit: Int = 256
    ) {
        precondition(thresholds > 0 && tokenLimit > 0, "a threshold is tried on a token")
        self.weights = weights
        self.activations = activations
        self.shifts = shifts
        self.scales = scales
        self.thresholds = thresholds
        self.tokenLimit = tokenLimit
    }

    /// What was found for a model.
    public struct Outcome: Sendable {
        /// Offsets of places that are shifted.
        public var shift: ChannelShift
        /// Factors of places that are scaled, after the shift.
        public var scaling: ChannelScaling
        /// Places where thresholds were tried.
        public var placeCount: Int

        /// The share of those where the best threshold lies below the largest magnitude.
        public var scaledShare: Double {
            Double(scaling.factors.count) / Double(max(placeCount, 1))
        }
    }

    /// Looks for the offsets and factors of a float model, place by place, each with the inputs
    /// that it has behind the rounded ones before it.
    ///
    /// - Parameters:
    ///   - model: The float weights.
    ///   - sequences: Calibration text.
    ///   - pool: The threads to use.
    /// - Throws: `DecoderError` for text that the model cannot read, `QuantizationError`.
    public func outcome(
        for model: DecoderWeights, sequences: [[Int32]], pool: WorkerPool
    ) throws -> Outcome {
        guard !sequences.isEmpty else {
            throw QuantizationError.badStatistics("there is no text to search on")
        }
        let found = Found()
        let rounding = activations
        let run = try StagedRun(model, sequences: sequences, pool: pool) {
            block, stage, values, width in
            let place = ActivationPlace(block: block, stage: stage)
            rounding.round(
                &values, width: width, offsets: found.offsets[place], factors: found.factors[place])
        }
        var count = 0
        for (index, block) in model.spec.blocks.enumerated() {
            var rows: [Float] = []
            try run.run { stage, inputs in
                if inputs.sequence == 0 { rows = [] }
                let room = tokenLimit * inputs.width - rows.count
                if room > 0 { rows += inputs.values.prefix(room) }
            } replacing: { stage throws(any Error) in
                let place = ActivationPlace(block: index, stage: stage)
                let roles = stage.parts(of: block).map { Role($0, block: index) }
                let width = stage.width(of: block, in: model.spec)
                var trial = ThresholdTrial(
                    inputs: rows, width: width, readers: roles.map { model.matrix($0) },
                    weights: weights, activations: activations)
                if shifts, ChannelShift.applies(to: stage, block: index, of: model) {
                    found.offsets[place] = trial.centre()
                }
                // What attention gives stays as it is: its scales are no part of the method.
                if scales, stage != .attentionOutput, ChannelScaling.applies(to: stage, of: block) {
                    count += 1
                    found.factors[place] = try trial.bestFactors(thresholds, pool)
                }
                let rounded = try trial.rounded(found.factors[place], roles, pool)
                if let offsets = found.offsets[place] {
                    keepOffsets(offsets, of: roles, rounded, model, in: run)
                }
                return rounded
            }
        }
        return Outcome(
            shift: ChannelShift(found.offsets), scaling: ChannelScaling(found.factors),
            placeCount: count)
    }

    /// Sees to it that what offsets give behind the layers is what it is in the float model, where
    /// biases will take it up.
    private func keepOffsets(
        _ offsets: [Float], of roles: [Role], _ rounded: [Role: any WeightMatrix],
        _ model: DecoderWeights, in run: StagedRun
    ) {
        for role in roles {
            let biasRole = Role(role.part, block: role.block, isBias: true)
            guard let matrix = rounded[role], var bias = model.vector(biasRole) else { continue }
            let (exact, stored) = (model.matrix(role).decoded(), matrix.decoded())
            for index in exact.indices {
                bias[index / offsets.count] +=
                    (exact[index] - stored[index]) * offsets[index % offsets.count]
            }
            run.replace(biasRole, with: bias)
        }
    }

    /// What is known of the places before.
    private final class Found {
        var offsets: [ActivationPlace: [Float]] = [:]
        var factors: [ActivationPlace: [Float]] = [:]
    }
}

/// How activations are rounded to integers.
public struct ActivationRounding: Sendable, Hashable {
    /// What shares a scale.
    public enum Scope: String, Sendable, Hashable, CaseIterable, Codable {
        /// All values that are rounded together.
        case tensor
        /// The features of a token.
        case token
    }

    /// Bits of a code, 2 to 8.
    public var bits: Int
    /// Whether the range lies around 0.
    public var isSymmetric: Bool
    /// What shares a scale.
    public var scope: Scope

    /// Describes a rounding.
    public init(bits: Int, isSymmetric: Bool, scope: Scope) {
        precondition((2...8).contains(bits), "codes have 2 to 8 bits")
        self.bits = bits
        self.isSymmetric = isSymmetric
        self.scope = scope
    }

    /// Rounds values in place.
    ///
    /// - Parameters:
    ///   - values: `[tokens, width]`.
    ///   - width: Features of a token.
    ///   - offsets: What is subtracted from features before and added again after; nil for 0.
    ///   - factors: What features are divided by before and multiplied with after; nil for 1.
    public func round(
        _ values: inout [Float], width: Int, offsets: [Float]? = nil, factors: [Float]? = nil
    ) {
        guard width > 0 else { return }
        if let offsets { for index in values.indices { values[index] -= offsets[index % width] } }
        if let factors { for index in values.indices { values[index] /= factors[index % width] } }
        let run = scope == .tensor ? max(values.count, 1) : width
        for first in stride(from: 0, to: values.count, by: run) {
            round(&values, first..<min(first + run, values.count))
        }
        if let factors { for index in values.indices { values[index] *= factors[index % width] } }
        if let offsets { for index in values.indices { values[index] += offsets[index % width] } }
    }

    private func round(_ values: inout [Float], _ range: Range<Int>) {
        var (least, most): (Float, Float) = (0, 0)
        for index in range {
            least = min(least, values[index])
            most = max(most, values[index])
        }
        let levels = Float((1 << bits) - 1)
        let top = Float((1 << (bits - 1)) - 1)
        let scale = isSymmetric ? max(most, -least) / top : (most - least) / levels
        guard scale > 0, (1 / scale).isFinite else { return }
        let zero = isSymmetric ? 0 : (-least / scale).rounded(.toNearestOrEven)
        let (low, high) = isSymmetric ? (-top, top) : (-zero, levels - zero)
        for index in range {
            let code = (values[index] / scale).rounded(.toNearestOrEven)
            values[index] = min(max(code, low), high) * scale
        }
    }
}

/// Tries thresholds on the inputs of one place.
private struct ThresholdTrial {
    private var inputs: [Float]
    private let width: Int
    private let readers: [any WeightMatrix]
    private let stacked: DenseMatrix<Float>
    private let scheme: WeightScheme
    private let rounding: ActivationRounding

    init(
        inputs: [Float], width: Int, readers: [any WeightMatrix], weights: WeightScheme,
        activations: ActivationRounding
    ) {
        self.inputs = inputs
        self.width = width
        self.readers = readers
        scheme = weights
        rounding = activations
        let values = readers.flatMap { $0.decoded() }
        stacked = DenseMatrix(rows: values.count / max(width, 1), columns: width, elements: values)
    }

    /// Subtracts from each channel the middle of its range, and gives it.
    mutating func centre() -> [Float] {
        let (least, most) = ranges()
        let middles = zip(least, most).map { ($0 + $1) / 2 }
        for index in inputs.indices { inputs[index] -= middles[index % width] }
        return middles
    }

    private func ranges() -> (least: [Float], most: [Float]) {
        var least = [Float](repeating: .infinity, count: width)
        var most = [Float](repeating: -.infinity, count: width)
        for (index, value) in inputs.enumerated() {
            least[index % width] = min(least[index % width], value)
            most[index % width] = max(most[index % width], value)
        }
        return (least, most)
    }

    /// The factors of the threshold with which outputs change least; nil when that is the largest
    /// magnitude, which leaves all channels alone.
    func bestFactors(_ count: Int, _ pool: WorkerPool) throws(QuantizationError) -> [Float]? {
        let (least, most) = ranges()
        let reach = zip(least, most).map { max($1, -$0, 0) }
        guard let largest = reach.max(), largest > 0, largest.isFinite else { return nil }
        let outputs = product(inputs, stacked.elements)
        var best: (loss: Double, factors: [Float]?) = (.infinity, nil)
        for index in 0..<count {
            // Down to a hundredth of the largest magnitude.
            let threshold = largest * exp2(-6.64 * Float(index) / Float(count))
            let factors = index == 0 ? nil : reach.map { max(1, $0 / threshold) }
            let loss = try loss(factors, outputs, pool)
            if loss < best.loss { best = (loss, factors) }
        }
        return best.factors
    }

    /// The squared change of outputs, summed over features and tokens.
    private func loss(
        _ factors: [Float]?, _ outputs: DenseMatrix<Float>, _ pool: WorkerPool
    ) throws(QuantizationError) -> Double {
        var rounded = inputs
        rounding.round(&rounded, width: width, factors: factors)
        let weights = try roundedRows(stacked.elements, factors, pool)
        let found = product(rounded, weights)
        return zip(found.elements, outputs.elements).reduce(0) {
            $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
        }
    }

    private func product(_ inputs: [Float], _ weights: [Float]) -> DenseMatrix<Float> {
        DenseMatrix(rows: inputs.count / width, columns: width, elements: inputs).product(
            DenseMatrix(rows: weights.count / width, columns: width, elements: weights),
            otherTransposed: true)
    }

    /// The readers with their columns multiplied by factors, rounded and divided again.
    func rounded(
        _ factors: [Float]?, _ roles: [Role], _ pool: WorkerPool
    ) throws(QuantizationError) -> [Role: any WeightMatrix] {
        var result: [Role: any WeightMatrix] = [:]
        for (role, reader) in zip(roles, readers) {
            result[role] = floatMatrix(try roundedRows(reader.decoded(), factors, pool))
        }
        return result
    }

    private func roundedRows(
        _ values: [Float], _ factors: [Float]?, _ pool: WorkerPool
    ) throws(QuantizationError) -> [Float] {
        try RoundToNearest().rounded(
            values, columns: width, scaledBy: factors, scheme: scheme, pool: pool)
    }

    private func floatMatrix(_ values: [Float]) -> any WeightMatrix {
        Tensor(shape: [values.count / width, width], elements: values).weightMatrix()
    }
}
