import HalftoneTensor

/// Merges channels that compute and serve the same, again and again, by their weights alone.
///
/// Two channels with almost the same incoming and outgoing weights are one feature. Every round
/// merges the closest pair of each layer, until no layer has a close pair left. The number of
/// channels that remain measures the complexity of a layer's features; the network that remains is
/// smaller, without any data or training.
///
/// Source: Y. Chen et al., "Going Beyond Neural Network Feature Similarity: The Network Feature
/// Complexity and Its Interpretation Using Category Theory", ICLR 2024, arXiv:2310.06756.
/// Departs from it in one place: ``Rule/meanInSumOut`` for activations that do not scale.
public struct IterativeFeatureMerging: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "iterative-feature-merging", title: "Iterative feature merging (IFM)",
        paper: Paper(
            title: "Going Beyond Neural Network Feature Similarity: The Network Feature "
                + "Complexity and Its Interpretation Using Category Theory",
            arXiv: "2310.06756", year: 2023),
        family: .pruning, stage: .transform, needs: [.pretrainedModel],
        claims: [
            MethodClaim(
                id: "copies-merge-exactly",
                "Channels that are copies of each other merge without changing the outputs."),
            MethodClaim(
                id: "half-goes",
                "At least half of the channels of a redundant network go without data or "
                    + "finetuning, at a small loss of accuracy.",
                published: PublishedFigure(
                    "93.51 % before, 91.78 % with 23.03 % of the parameters left, VGG16 on "
                        + "CIFAR-10",
                    source: "the paper, quoted from a review and not checked")),
            MethodClaim(
                id: "beats-random",
                "Merging as many pairs drawn at random destroys the network."),
            MethodClaim(
                id: "finds-no-redundancy",
                "In a network without redundancy nearly nothing merges.",
                published: PublishedFigure(
                    "about 5 to 10 % fewer parameters, ImageNet networks",
                    source: "the paper, quoted from a review and not checked")),
            MethodClaim(
                id: "beta-orders", "Accuracy falls as the limit β of what is close rises."),
        ])

    /// What is close: a distance up to this share of the layer's largest, from 0 to 1.
    public var beta: Double

    /// The largest share of a layer's channels that may go.
    public var maximumShare: Double

    /// How the weights of two channels become one's.
    public var rule: Rule

    /// How the weights of two channels become one's.
    public enum Rule: Sendable, Hashable {
        /// Incoming weights and biases are added, outgoing ones averaged: exact for copies under
        /// activations with `f(a u) = a f(u)` for `a > 0`, such as ReLU.
        case sumInMeanOut
        /// Incoming weights and biases are averaged, outgoing ones added: exact for copies under
        /// any activation, such as GELU or SiLU.
        case meanInSumOut
    }

    /// Creates the method with the paper's settings.
    public init(beta: Double = 0.1, maximumShare: Double = 1, rule: Rule = .sumInMeanOut) {
        precondition((0...1).contains(beta) && (0...1).contains(maximumShare), "shares")
        self.beta = beta
        self.maximumShare = maximumShare
        self.rule = rule
    }

    /// Merges the channels of a network.
    ///
    /// Batch norm has to be folded into the weights and biases before: its gain and offset would
    /// neither count in the distance nor merge rightly.
    ///
    /// - Parameters:
    ///   - parameters: By name; those that no group names stay as they are.
    ///   - groups: The hidden layers, in the order in which each round visits them.
    /// - Throws: ``ChannelError`` when a group does not fit the parameters.
    /// - Complexity: For each merge O(`n · w + n²`) in a layer of `n` channels with `w` weights each
    ///   and in its neighbours; `n²` numbers of memory per layer.
    public func merge(
        _ parameters: [String: Tensor], _ groups: [ChannelGroup]
    ) throws(ChannelError) -> MergedChannels {
        var merging = try ChannelMerging(parameters, groups)
        var mayMerge = true
        while mayMerge {
            mayMerge = false
            for index in groups.indices {
                let limit = Int(maximumShare * Double(groups[index].count))
                guard merging.merges(index) < limit,
                    let pair = merging.distances[index].extremes(merging.alive[index]),
                    pair.least <= beta * pair.most
                else { continue }
                merging.merge(index, pair.first, pair.second, rule)
                mayMerge = true
            }
        }
        return merging.result
    }

    /// Merges pairs that are given rather than close: what the method is compared with.
    ///
    /// - Parameters:
    ///   - parameters: By name.
    ///   - groups: The hidden layers.
    ///   - pairs: Gives two of the channels that are left, by their numbers at the start.
    ///   - counts: How many merges each group gets, less than its channels.
    public func merge(
        _ parameters: [String: Tensor], _ groups: [ChannelGroup], counts: [Int],
        pairs: (_ left: [Int]) -> (Int, Int)
    ) throws(ChannelError) -> MergedChannels {
        var merging = try ChannelMerging(parameters, groups)
        for (index, count) in counts.enumerated() {
            for _ in 0..<count {
                let alive = merging.alive[index]
                let (first, second) = pairs(alive.indices.filter { alive[$0] })
                merging.merge(index, min(first, second), max(first, second), rule)
            }
        }
        return merging.result
    }
}

/// A network with fewer channels, and how it came about.
public struct MergedChannels: Sendable {
    /// One merge of two channels.
    public struct Merge: Sendable, Equatable {
        /// The number of the group.
        public let group: Int
        /// The channel that stays, by its number among those left at that moment.
        public let kept: Int
        /// The channel that goes, likewise; always the larger number.
        public let gone: Int
        /// Their distance.
        public let distance: Double
        /// Whether one of the two was all but zero, so that the merge says nothing of similarity.
        public let isOfDead: Bool
    }

    /// What is left of a layer.
    public struct Layer: Sendable, Equatable {
        /// The group's name.
        public let name: String
        /// For each channel that is left, the numbers at the start of those it stands for.
        public let members: [[Int]]
        /// The least distance at the start, its quartiles and the largest; one far channel makes
        /// all others look close.
        public let quartiles: [Double]

        /// The feature complexity: how many channels are left.
        public var complexity: Int { members.count }
    }

    /// The parameters, under their names.
    public let parameters: [String: Tensor]

    /// The layers in the order of the groups.
    public let layers: [Layer]

    /// All merges in order.
    public let merges: [Merge]
}
