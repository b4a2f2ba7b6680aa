/// How far two lists order the same things alike.
enum RankCorrelation {
    /// Spearman's ρ: the correlation of ranks, equals sharing the mean of theirs; 0 when all of one
    /// list are equal.
    static func spearman(_ one: [Double], _ other: [Double]) -> Double {
        precondition(one.count == other.count, "two numbers for each thing")
        let (first, second) = (ranks(one), ranks(other))
        let middle = Double(one.count - 1) / 2
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (x, y) in zip(first, second) {
            xx += (x - middle) * (x - middle)
            yy += (y - middle) * (y - middle)
            xy += (x - middle) * (y - middle)
        }
        return xx * yy > 0 ? xy / (xx * yy).squareRoot() : 0
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        values.map { value in
            let below = values.count { $0 < value }
            return Double(below) + Double(values.count { $0 == value } - 1) / 2
        }
    }
}
