/// A benchmark of post-training quantization: methods sorted by how they compute, one plain
/// representative of each class, all under one protocol.
///
/// Source: J. Zhao et al., "Benchmarking Post-Training Quantization in LLMs: Comprehensive Taxonomy,
/// Unified Evaluation, and Comparative Analysis", arXiv:2502.13178, sections 2 and 3. Departs from
/// it in three places: groups are equal for all methods, where the released settings give one of
/// them groups of 128 and the others whole rows; the rotation is of the residual stream and of
/// heads, folded into the model, where theirs is of each matrix; and the representative of
/// optimization looks for scales on a grid, where theirs learns them.
public enum PTQBenchmark {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "ptq-llm-benchmark", title: "PTQ-Bench",
        paper: Paper(
            title:
                "Benchmarking Post-Training Quantization in LLMs: Comprehensive Taxonomy, Unified "
                + "Evaluation, and Comparative Analysis",
            arXiv: "2502.13178", year: 2025),
        family: .studies, stage: .analysis, needs: [.pretrainedModel, .calibrationData],
        claims: [
            MethodClaim(
                id: "close-at-4-bits",
                "At 4 bits all classes are close, and better than rounding to nearest.",
                published: PublishedFigure(
                    "all within some percent, salience slightly best",
                    source: "notes on the paper's tables")),
            MethodClaim(
                id: "compensation-holds",
                "At 2 bits compensation loses less than salience and optimization.",
                published: PublishedFigure(
                    "LLaMA-3-70B, 2 bits: GPTQ 23.4, while AWQ collapses everywhere",
                    source: "notes on the paper's tables")),
            MethodClaim(
                id: "combinations-win",
                "Compensation with another class loses less than either alone at 2 bits.",
                published: PublishedFigure(
                    "LLaMA-3.1-8B, 2 bits: GPTQ 510, rotation and GPTQ 33.3",
                    source: "notes on the paper's tables")),
            MethodClaim(
                id: "orders-hold-over-seeds",
                "The order of the classes at 2 bits is the same for other calibration texts."),
        ])

    /// How a method computes.
    public enum Class: String, Sendable, CaseIterable {
        /// Later weights make up for the errors of earlier ones.
        case compensation
        /// Weights are rotated before they are rounded.
        case rotation
        /// What matters most is scaled before it is rounded.
        case salience
        /// The parameters of rounding are optimized for what the layer does.
        case optimization

        /// The steps of the plain representative, as pipelines name them.
        public var representative: String {
            switch self {
            case .compensation: "gptq"
            case .rotation: "rotation"
            case .salience: "awq"
            case .optimization: "weighted-rtn"
            }
        }
    }

    /// Steps that combine compensation with another class.
    public static let combinations = ["awq+gptq", "rotation+gptq"]
}
