/// Correlations between the ranks of numbers.
public enum RankCorrelation {
    /// Spearman's rank correlation, equal numbers sharing the mean of their ranks; 0 where either
    /// side is constant; from −1 to 1.
    ///
    /// - Parameters:
    ///   - first: Numbers.
    ///   - second: As many.
    public static func spearman(
        _ first: some Sequence<Double>, _ second: some Sequence<Double>
    ) -> Double {
        let (x, y) = (ranks(Array(first)), ranks(Array(second)))
        precondition(x.count == y.count, "numbers come in pairs")
        let middle = Double(x.count - 1) / 2
        var (product, squares, others) = (0.0, 0.0, 0.0)
        for (a, b) in zip(x, y) {
            product += (a - middle) * (b - middle)
            squares += (a - middle) * (a - middle)
            others += (b - middle) * (b - middle)
        }
        return squares > 0 && others > 0 ? product / (squares * others).squareRoot() : 0
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
            start = end
        }
        return ranks
    }
}
