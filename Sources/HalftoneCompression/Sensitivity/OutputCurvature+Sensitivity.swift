import HalftoneKernels
import HalftoneModels
import HalftoneTensor

/// The change of each output by what it costs the predictions, and that of each element that is
/// looked up.
extension OutputCurvature: Sensitivity {
    /// The divergence to second order.
    public var unit: CostUnit { .divergence }

    /// What a change costs.
    public func cost(of change: WeightChange) -> Double {
        let site = change.site
        var cost = 0.0
        if site.moments != nil {
            cost += Double((site.squares(change.difference) * counts(site)).sum().item)
        }
        if let shares = site.shares {
            let rows = (change.difference.squared() * lookup).sum(axes: [1])
            cost += Double((rows * shares).sum().item)
        }
        return cost
    }

    /// What the squared change of each output counts.
    private func counts(_ site: WeightSite) -> Tensor {
        let found = outputs[site.role.block == nil ? Role(.head) : site.role] ?? []
        let counts = site.taken(found) * 0.5
        precondition(counts.count == site.original.shape[0], "the curvature is of the same model")
        return counts
    }

    /// What the squared change of each element of a row that is looked up counts.
    private var lookup: Tensor { Tensor(shape: [embedding.count], elements: embedding) * 0.5 }

    /// What changes of a table's row count, as second moments: the same for all rows, since both the
    /// head's share and that of lookups go with how often a token occurs.
    func rowMoments(_ site: WeightSite) -> GramSum {
        let width = site.original.shape[1]
        var sum = (site.moments.map { $0 * counts(site).sum() } ?? .zeros([width, width]))
            .elements.map(\.self)
        if let shares = site.shares {
            let diagonal = lookup * shares.sum()
            for (column, value) in diagonal.elements.enumerated() {
                sum[column * width + column] += value
            }
        }
        return GramSum(width: width, elements: FloatArray(sum))
    }
}

extension Sensitivity where Self == OutputCurvature {
    /// The change of each output by what it costs the predictions.
    public static func curvature(_ curvature: OutputCurvature) -> OutputCurvature { curvature }
}
