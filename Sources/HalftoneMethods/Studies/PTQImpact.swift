import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

/// Compares number formats by the text that models write with them, at many temperatures.
///
/// Formats that tie on likelihood may differ when a model writes. So the same prompts are continued
/// by every arm with the same random numbers, and what is written is scored.
///
/// Source: S. Roy, "Understanding the Impact of Post-Training Quantization on Large Language
/// Models", arXiv:2309.05210; formats as in bitsandbytes, which it used. Departs from it in four
/// places: blocks are runs of a row, which are those of the flattened matrix where rows are whole
/// blocks long; the second scales of double quantization are those of least error; weights alone
/// are integers in the arm of 8 bits, whose decomposition of activations is a matter of its own;
/// and the rule of scoring, which the paper leaves open, is stated here.
public struct PTQImpact: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "ptq-impact", title: "PTQ-Impact",
        paper: Paper(
            title:
                "Understanding the Impact of Post-Training Quantization on Large Language Models",
            arXiv: "2309.05210", year: 2023),
        family: .studies, stage: .analysis, needs: [.pretrainedModel],
        claims: [
            MethodClaim(
                id: "nf4-equals-fp4",
                "Models in NF4 and in FP4 predict and write equally well.",
                published: PublishedFigure(
                    "equal in speed, memory and quality of text over all models",
                    source: "the abstract")),
            MethodClaim(
                id: "sensitive-to-temperature",
                "What 4-bit models write depends more on temperatures of 0.5 to 0.8 than what the "
                    + "float model writes.",
                published: PublishedFigure(
                    "4-bit models of all sizes are more sensitive to temperature from 0.5 to 0.8",
                    source: "the abstract")),
            MethodClaim(
                id: "double-quantization-is-free",
                "Scales that are quantized themselves leave the perplexity as it is."),
            MethodClaim(
                id: "heat-hides-errors",
                "The hotter, the nearer is the distribution of a 4-bit model to the float one's."),
            MethodClaim(
                id: "texts-part-with-heat",
                "The hotter, the sooner are texts of a 4-bit model others than the float one's "
                    + "with the same random numbers."),
        ])

    /// What writes.
    public enum Arm: String, Sendable, Hashable, CaseIterable, Codable {
        /// The float model.
        case float
        /// Integers of 8 bits, a scale for each row.
        case int8
        /// Quantiles of the normal distribution in blocks.
        case nf4
        /// ``nf4`` with scales that are quantized themselves.
        case nf4Double = "nf4-dq"
        /// The 4-bit floats of bitsandbytes in blocks.
        case fp4
        /// ``fp4`` with scales that are quantized themselves.
        case fp4Double = "fp4-dq"
    }

    /// Weights that share a scale.
    public var blockSize: Int

    /// Scales that share a second one.
    public var scaleBlockSize: Int

    /// Creates the study with the settings of bitsandbytes.
    public init(blockSize: Int = 64, scaleBlockSize: Int = 256) {
        precondition(blockSize >= 1 && scaleBlockSize >= 1, "blocks have weights")
        self.blockSize = blockSize
        self.scaleBlockSize = scaleBlockSize
    }

    /// The form of an arm's matrices; nil for the float model.
    ///
    /// Scales of `absmax` are meant, `ScaleSearch.absmax`.
    public func form(_ arm: Arm) -> MatrixForm? {
        let blocks = Granularity.group(blockSize)
        let double = MatrixForm.ScaleStorage.quantized(Self.dynamicCode, group: scaleBlockSize)
        return switch arm {
        case .float: nil
        case .int8: .scaled(.int(8, narrow: true), .channel, .plain(.float32))
        case .nf4: .scaled(.nf4, blocks, .plain(.float32))
        case .nf4Double: .scaled(.nf4, blocks, double)
        case .fp4: .scaled(.fp4, blocks, .plain(.float32))
        case .fp4Double: .scaled(.fp4, blocks, double)
        }
    }

    /// The dynamic 8-bit code of bitsandbytes: for each power of ten from 10⁻⁶ to 1 the middles of
    /// 1, 2, 4, …, 64 equal parts of a tenth of it to the whole, with both signs; 0, and 1.
    public static let dynamicCode: NumberFormat = {
        let magnitudes = (0..<7).flatMap { power -> [Double] in
            let cells = 1 << power
            return (0..<cells).map { cell in
                let middle = 0.1 + 0.9 * (Double(cell) + 0.5) / Double(cells)
                return middle * pow(10, Double(power - 6))
            }
        }
        let values = magnitudes.map { -$0 } + [0] + magnitudes + [1]
        return NumberFormat(
            .codebook(Codebook("dynamic8", values: values.map { Float($0) }.sorted())))
    }()
}

extension PTQImpact {
    /// The token that a random number stands for: the first whose cumulative probability is above
    /// it, tokens in their order.
    ///
    /// Arms that are given the same numbers differ by their logits alone.
    ///
    /// - Parameters:
    ///   - logits: One per token.
    ///   - temperature: Above 0.
    ///   - uniform: From 0 to below 1.
    public static func token(
        _ logits: [Float], temperature: Double, uniform: Double
    ) -> Int32 {
        precondition(temperature > 0 && !logits.isEmpty, "tokens at temperatures above 0")
        let top = Double(logits.max() ?? 0)
        let weights = logits.map { exp((Double($0) - top) / temperature) }
        let limit = uniform * weights.reduce(0, +)
        var sum = 0.0
        for (token, weight) in weights.enumerated() {
            sum += weight
            if sum > limit { return Int32(token) }
        }
        return Int32(weights.lastIndex { $0 > 0 } ?? 0)
    }

    /// Different pairs of neighbours over all pairs of a text, from 0 to 1; 1 without pairs.
    public static func distinctPairs(_ tokens: [Int32]) -> Double {
        let pairs = zip(tokens, tokens.dropFirst()).map { [$0, $1] }
        return pairs.isEmpty ? 1 : Double(Set(pairs).count) / Double(pairs.count)
    }

    /// The share of runs of four tokens that the text had before, from 0 to 1.
    public static func repetition(_ tokens: [Int32]) -> Double {
        let runs = tokens.indices.dropLast(3).map { Array(tokens[$0..<$0 + 4]) }
        return runs.isEmpty ? 0 : 1 - Double(Set(runs).count) / Double(runs.count)
    }

    /// How far a score moves with temperature: its largest mean over texts less its least.
    ///
    /// - Parameter scores: For each temperature the scores of the same texts.
    public static func sensitivity(_ scores: [[Double]]) -> Double {
        let means = scores.map { $0.reduce(0, +) / Double(max($0.count, 1)) }
        return (means.max() ?? 0) - (means.min() ?? 0)
    }

    /// The 95 % interval of how much more sensitive an arm is than another, over texts drawn again
    /// with replacement, the same ones for both.
    ///
    /// - Parameters:
    ///   - arm: For each temperature the scores of the same texts.
    ///   - other: As many.
    ///   - draws: Times that texts are drawn.
    ///   - generator: Draws them.
    public static func sensitivityInterval(
        of arm: [[Double]], above other: [[Double]], draws: Int = 1000,
        using generator: inout some RandomNumberGenerator
    ) -> ClosedRange<Double> {
        let count = arm.first?.count ?? 0
        precondition(
            count > 0 && draws > 0 && (arm + other).allSatisfy { $0.count == count },
            "scores of the same texts")
        let differences = (0..<draws).map { _ in
            let drawn = (0..<count).map { _ in Int.random(in: 0..<count, using: &generator) }
            func again(_ scores: [[Double]]) -> [[Double]] {
                scores.map { one in drawn.map { one[$0] } }
            }
            return sensitivity(again(arm)) - sensitivity(again(other))
        }.sorted()
        let cut = Int(0.025 * Double(draws))
        return differences[cut]...differences[draws - 1 - cut]
    }
}
