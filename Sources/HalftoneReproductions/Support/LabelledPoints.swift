import HalftoneData
import HalftoneKernels
import HalftoneTensor

/// Points with a class each.
struct LabelledPoints: Sendable {
    /// `[count, dimensions]`.
    let values: Tensor
    /// `[count]`.
    let labels: IndexTensor

    init(values: Tensor, labels: IndexTensor) {
        self.values = values
        self.labels = labels
    }

    /// Points of Gaussian clusters.
    init(_ clusters: GaussianClusters, count: Int, stream: UInt64) {
        let sample = clusters.sample(count, stream: stream)
        values = Tensor(shape: [count, clusters.means[0].count], elements: sample.values)
        labels = IndexTensor(shape: [count], elements: sample.labels)
    }

    /// Some points, drawn with replacement.
    func batch(_ size: Int, using generator: inout SeededGenerator) -> LabelledPoints {
        let count = labels.count
        let chosen = (0..<size).map { _ in Int.random(in: 0..<count, using: &generator) }
        return LabelledPoints(
            values: values.selecting(IndexTensor(chosen), axis: 0),
            labels: IndexTensor(
                shape: [size], elements: chosen.map { labels.elements[$0] }))
    }

    /// The share of points whose largest logit is that of their class.
    func accuracy(_ logits: Tensor) -> Double {
        let classes = logits.shape[1]
        let scores = logits.elements
        var right = 0
        for (row, label) in labels.elements.enumerated() {
            var best = 0
            for column in 1..<classes
            where scores[row * classes + column] > scores[row * classes + best] { best = column }
            if best == Int(label) { right += 1 }
        }
        return Double(right) / Double(labels.count)
    }
}
