import HalftoneKernels
import HalftoneTensor

/// Merges models by the changes that are large and whose signs agree.
///
/// Averaging lets many small changes dilute the few that matter and lets opposite ones cancel. So
/// each model keeps its largest changes only, all vote for one sign per parameter with the size of
/// their changes, and those that agree are averaged.
///
/// Source: P. Yadav, D. Tam, L. Choshen, C. Raffel and M. Bansal, "TIES-Merging: Resolving
/// Interference When Merging Models", NeurIPS 2023, arXiv:2306.01708, Algorithm 1.
/// Departs from it in one place: `keep` of 1 trims nothing, where the paper's selection of the
/// zeroth smallest change has no meaning.
public struct TIESMerging: ModelMerging {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "ties-merging", title: "TIES-Merging",
        paper: Paper(
            title: "TIES-Merging: Resolving Interference When Merging Models",
            arXiv: "2306.01708", year: 2023),
        family: .merging, stage: .transform, needs: [.pretrainedModel, .fineTunedModels],
        claims: [
            MethodClaim(
                id: "beats-mean",
                "The merged model is better over all tasks than the mean of the models."),
            MethodClaim(
                id: "beats-task-arithmetic",
                "It is at least as good as task arithmetic with a tuned scale.",
                published: PublishedFigure(
                    "mean over tasks 73.6 against 70.1 (ViT-B/32, 8 tasks), 76.9 against 73.3 "
                        + "(T5-large, 7), 66.4 against 63.9 ((IA)³ on T0-3B, 11)",
                    source: "the paper's main table, quoted from memory and not checked")),
            MethodClaim(
                id: "signs-matter",
                "With signs drawn at random in place of elected ones it is much worse."),
            MethodClaim(
                id: "trimming-helps",
                "Keeping 20 % of the changes is at least as good as keeping all of them."),
            MethodClaim(
                id: "signs-suffice",
                "Changes stored as trimmed signs with one scale per tensor merge nearly as well."),
        ])

    /// The share of changes that each model keeps, from 0 to 1, over all its parameters together.
    public var keep: Double

    /// The factor λ of the merged change; 1 where it cannot be tuned.
    public var scale: Float

    /// What becomes of the changes that have the elected sign.
    public var combination: Combination

    /// Ways to combine changes of one sign.
    public enum Combination: Sendable, Hashable {
        /// Their mean: the paper's choice.
        case mean
        /// Their sum.
        case sum
        /// The largest in magnitude.
        case largest
    }

    /// Creates the method with the paper's settings.
    public init(keep: Double = 0.2, scale: Float = 1, combination: Combination = .mean) {
        precondition((0...1).contains(keep), "\(keep) is no share")
        self.keep = keep
        self.scale = scale
        self.combination = combination
    }

    /// The merged change times ``scale``, `[count]`.
    ///
    /// - Complexity: O(`count` · models); three passes over each model to find its threshold.
    public func merge(_ differences: [Tensor]) -> Tensor {
        let trimmed = differences.map(trim)
        return combine(trimmed, signs: electSigns(trimmed)) * scale
    }

    /// Sets all but the largest changes of one model to zero (step 1 of the algorithm).
    ///
    /// With `c = count - Int(keep · count)`, changes at least as large as the `c`-th smallest stay;
    /// equal ones stay together, and at `c` = 0 all do.
    public func trim(_ difference: Tensor) -> Tensor {
        guard let threshold = threshold(of: difference) else { return difference }
        return difference.choosing(where: difference.abs() .>= threshold, else: 0)
    }

    /// The smallest magnitude that ``trim(_:)`` keeps, or nil when it keeps all.
    public func threshold(of difference: Tensor) -> Float? {
        let left = difference.count - Int(keep * Double(difference.count))
        return left > 0 ? MagnitudeSelection.smallest(left, of: difference.elements) : nil
    }

    /// The sign of each sum of changes: −1 or 1 (step 2 of the algorithm).
    ///
    /// A sum of zero takes the sign that most parameters have; where that is undecided too, the
    /// sign stays 0 and ``combine(_:signs:)`` takes it as negative.
    public func electSigns(_ trimmed: [Tensor]) -> Tensor {
        let count = trimmed[0].count
        var signs = FloatArray(repeating: 0, count: count)
        var majority = 0.0
        for index in 0..<count {
            // In double precision sums of a few float32 changes cancel exactly.
            var sum = 0.0
            for model in trimmed { sum += Double(model.elements[index]) }
            let sign: Float = sum > 0 ? 1 : sum < 0 ? -1 : 0
            signs[index] = sign
            majority += Double(sign)
        }
        let overall: Float = majority > 0 ? 1 : majority < 0 ? -1 : 0
        for index in 0..<count where signs[index] == 0 { signs[index] = overall }
        return Tensor(shape: [count], elements: signs)
    }

    /// Combines the changes that have the elected sign (step 3 of the algorithm).
    ///
    /// - Parameters:
    ///   - trimmed: A vector `[count]` per model.
    ///   - signs: `[count]`; what is not above 0 elects the negative changes.
    /// - Returns: `[count]`, 0 where no change has the sign.
    public func combine(_ trimmed: [Tensor], signs: Tensor) -> Tensor {
        let elements = FloatArray(count: signs.count) { result in
            for index in result.indices {
                let sign: Double = signs.elements[index] > 0 ? 1 : -1
                var (sum, largest, agreeing) = (0.0, 0.0, 0.0)
                for model in trimmed {
                    let size = sign * Double(model.elements[index])
                    guard size > 0 else { continue }
                    sum += size
                    largest = max(largest, size)
                    agreeing += 1
                }
                let combined =
                    switch combination {
                    case .mean: sum / max(1, agreeing)
                    case .sum: sum
                    case .largest: largest
                    }
                result[index] = Float(sign * combined)
            }
        }
        return Tensor(shape: signs.shape, elements: elements)
    }
}
