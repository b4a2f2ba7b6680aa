import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// Weights and activations as small floats whose exponent bias is any real number, with the split
/// into exponent and mantissa and the biases searched layer by layer.
///
/// A real bias is a real scale: the largest value of a format, `(2 − 2^−M) · 2^(2^E − 1 − b)`,
/// clips, and each row of weights has its own. Channels of activations differ much in range, so
/// each has an integer added to the bias of the tensor, which is a shift: it can be taken out of
/// the activations and into the columns of the weights without changing a bit of the product. Both
/// sides are chosen in turns by the squared error of the layer's outputs on inputs of the float
/// model.
///
/// Source: S. Liu, Z. Liu, X. Huang, P. Dong and K. Cheng, "LLM-FP4: 4-Bit Floating-Point Quantized
/// Transformers", EMNLP 2023, arXiv:2310.16836, section 4 and algorithm 1, and the authors'
/// program. Departs from them in four places: the searched factors multiply the largest value, as
/// the text has it, and not the bias, which the program multiplies and which may be near 0;
/// matrices that read the same activations are searched together, since activations are rounded
/// once for all of them; the format of weights is chosen before activations are searched; and the
/// scales `2^−b` of rows are rounded to 16 bits before anything is measured.
public struct LLMFP4: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "llm-fp4", title: "LLM-FP4",
        paper: Paper(
            title: "LLM-FP4: 4-Bit Floating-Point Quantized Transformers",
            arXiv: "2310.16836", year: 2023),
        family: .postTraining, stage: .weightRounding,
        needs: [.pretrainedModel, .calibrationData],
        claims: [
            MethodClaim(
                id: "search-helps",
                "Searched formats and biases lose less than E2M1 that covers the largest value.",
                published: PublishedFigure(
                    "mean accuracy of 6 tasks, LLaMA-7B with 4 bits: 42.7 against 37.4, float "
                        + "66.3; LLaMA-13B 44.5 against 36.7, float 68.9",
                    source: "README of the authors' program")),
            MethodClaim(
                id: "shift-helps",
                "A shift for each channel of activations loses much less than one bias for all.",
                published: PublishedFigure(
                    "mean accuracy of 6 tasks with 4 bits: LLaMA-7B 58.1 against 42.7, LLaMA-13B "
                        + "63.1 against 44.5", source: "README of the authors' program")),
            MethodClaim(
                id: "shift-folds",
                "Shifts move into the columns of the weights without changing a bit."),
            MethodClaim(id: "eight-bits", "With 8 bits the same search loses almost nothing."),
        ])

    /// Bits of a weight, 3 to 8.
    public var weightBits: Int

    /// Bits of an activation, 3 to 8.
    public var activationBits: Int

    /// What multiplies the largest magnitude to give largest values that are tried.
    public var factors: [Double]

    /// How often weights and activations take turns.
    public var rounds: Int

    /// Tokens of the calibration text, evenly spread, whose outputs are compared.
    public var tokens: Int

    /// Whether each channel of activations has a shift.
    public var hasShifts: Bool

    /// Whether formats and largest values are searched; without it the format is E2M1 (E4M3 with
    /// 8 bits) and just covers the largest magnitude.
    public var isSearched: Bool

    /// How the scales of rows are stored.
    public var scaleFormat: ScaleFormat

    /// Creates the method with the paper's settings.
    ///
    /// The paper compares outputs of all tokens of its calibration text.
    public init(
        weightBits: Int = 4, activationBits: Int = 4, factors: [Double] = Self.factors(100),
        rounds: Int = 3, tokens: Int = 512, hasShifts: Bool = true, isSearched: Bool = true,
        scaleFormat: ScaleFormat = .float16
    ) {
        let possible = 3...8
        precondition(
            possible.contains(weightBits) && possible.contains(activationBits), "3 to 8 bits")
        precondition(!factors.isEmpty && factors.allSatisfy { $0 > 0 }, "factors to try")
        precondition(rounds > 0 && tokens > 0, "at least one of each")
        self.weightBits = weightBits
        self.activationBits = activationBits
        self.factors = factors
        self.rounds = rounds
        self.tokens = tokens
        self.hasShifts = hasShifts
        self.isSearched = isSearched
        self.scaleFormat = scaleFormat
    }

    /// E2M1 that covers the largest magnitude of each row and of all activations.
    public static let minmax = Self(hasShifts: false, isSearched: false)

    /// Evenly spaced factors from 0.01 to 1.2.
    public static func factors(_ count: Int) -> [Double] {
        (0..<count).map { 0.01 + 1.19 * Double($0) / Double(max(count - 1, 1)) }
    }

    /// The formats that are tried: all splits with 3 and 4 bits, from two mantissa bits on with
    /// more.
    public static func formats(bits: Int) -> [FloatFormat] {
        ((bits > 4 ? 2 : 0)...bits - 2).map {
            FloatFormat(exponentBits: bits - 1 - $0, mantissaBits: $0)
        }
    }

    /// The format that a search starts with: E2M1, E4M3 with 8 bits.
    public static func start(bits: Int) -> FloatFormat {
        FloatFormat(exponentBits: bits / 2, mantissaBits: bits - 1 - bits / 2)
    }

    /// Second moments.
    public var inputDetail: InputStatistics.Detail { isSearched ? .gram : .none }

    /// Stores one matrix whose inputs stay float; see `MatrixMethod.stored(_:inputs:pool:)`.
    ///
    /// Without inputs all columns count alike.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        let values = Tensor(
            shape: [weight.rows, weight.columns], elements: weight.decodedFloats())
        try RowPlan.checkFinite(Array(values.elements), row: 0, columns: weight.columns)
        var search = RowBiasSearch(values, method: self)
        guard isSearched else { return try search.stored() }
        if let gram = inputs?.gram {
            let moments = Tensor(
                shape: [weight.columns, weight.columns], elements: gram.symmetric())
            let share = 1 / Float(max(inputs?.tokenCount ?? 1, 1))
            search.choose(moments: moments * share)
        } else {
            let identity = DenseMatrix<Float>.identity(weight.columns).elements
            search.choose(
                moments: Tensor(shape: [weight.columns, weight.columns], elements: identity))
        }
        return try search.stored()
    }
}

extension LLMFP4 {
    /// A model whose blocks' linear layers and their inputs are small floats.
    public struct Model: Sendable {
        /// The float weights with what is stored in its place.
        public internal(set) var weights: DecoderWeights

        /// The matrices, before shifts are taken into them.
        public internal(set) var matrices: [Role: StoredMatrix] = [:]

        /// How inputs are rounded, for each block by stage.
        public internal(set) var activations: [[BlockStage: PreshiftedFloat]] = []

        /// Bits per weight: codes, scales of rows and shifts of columns.
        public var bitsPerWeight: Double {
            let bytes = matrices.values.reduce(0) { $0 + $1.byteCount }
            let shifts = activations.reduce(0) { sum, stages in
                stages.values.reduce(sum) { $0 + $1.byteCount }
            }
            let count = matrices.values.reduce(0) { $0 + $1.rows * $1.columns }
            return Double(8 * (bytes + shifts)) / Double(max(count, 1))
        }

        /// Rounds the inputs of each stage, to go with ``weights``.
        public var change: ActivationChange {
            { block, stage, values, _ in activations[block][stage]?.round(&values) }
        }

        /// Shifts the inputs of each stage and rounds them with one bias, to go with
        /// ``foldedWeights()``.
        public var foldedChange: ActivationChange {
            { block, stage, values, _ in activations[block][stage]?.roundShifted(&values) }
        }

        /// The weights with each column shifted back by what its inputs are shifted.
        public func foldedWeights() -> DecoderWeights {
            var folded = weights
            for (block, stages) in activations.enumerated() {
                for (stage, rounding) in stages {
                    for part in stage.parts(of: weights.spec.blocks[block]) {
                        let role = Role(part, block: block)
                        folded.replace(role, with: rounding.folded(weights.matrix(role)))
                    }
                }
            }
            return folded
        }
    }

    /// Searches the layers of a model, each on its inputs in the float model.
    ///
    /// - Parameters:
    ///   - weights: Float.
    ///   - sequences: Calibration text.
    ///   - pool: The threads to use.
    /// - Throws: `DecoderError` for text that the model cannot read, `QuantizationError`.
    /// - Complexity: For each stage of width `K`, `2 · rounds · formats · factors` products of
    ///   `K`×`K` moments with its rows of weights or ``tokens``.
    public func model(
        _ weights: DecoderWeights, sequences: [[Int32]], pool: WorkerPool
    ) throws -> Model {
        guard !sequences.isEmpty else {
            throw QuantizationError.badStatistics("there is no text to search on")
        }
        let run = try StagedRun(weights, sequences: sequences, pool: pool)
        let step = max(1, run.lengths.reduce(0, +) / tokens)
        var model = Model(weights: weights)
        for (index, block) in weights.spec.blocks.enumerated() {
            model.activations.append([:])
            var sample = InputSample(step: step)
            try run.run { _, activations in
                if activations.sequence == 0 { sample = InputSample(step: step) }
                sample.add(activations.values, width: activations.width)
            } replacing: { stage throws(QuantizationError) in
                guard sample.isFinite else {
                    throw QuantizationError.badStatistics(
                        "what block \(index), \(stage), reads is not finite")
                }
                let roles = stage.parts(of: block).map { Role($0, block: index) }
                var search = LayerSearch(
                    sample, roles.map { weights.matrix($0) }, method: self)
                if isSearched { search.run() }
                for (role, rows) in zip(roles, search.matrices) {
                    let stored = try rows.stored()
                    model.matrices[role] = stored
                    model.weights.replace(role, with: try stored.decodedMatrix())
                }
                model.activations[index][stage] = search.activations
                return [:]
            }
        }
        return model
    }
}

extension StoredMatrix {
    /// The matrix in float32, as shifts of its columns need it.
    fileprivate func decodedMatrix() throws(QuantizationError) -> any WeightMatrix {
        Tensor(shape: [rows, columns], elements: try decoded()).weightMatrix()
    }
}
