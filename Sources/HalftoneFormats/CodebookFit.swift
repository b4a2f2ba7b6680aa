/// The steps of weighted k-means.
struct CodebookFit {
    let dimension: Int
    let input: [Float]
    let weights: [Float]?

    private var vectors: Int { input.count / dimension }

    private func weight(_ index: Int) -> Double { weights.map { Double($0[index]) } ?? 1 }

    private func error(_ vector: Int, _ values: [Float], _ code: Int) -> Double {
        var sum = 0.0
        for index in 0..<dimension {
            let at = vector * dimension + index
            let distance = Double(input[at]) - Double(values[code * dimension + index])
            sum += weight(at) * distance * distance
        }
        return sum
    }

    /// Vectors of the input, each drawn with a probability in proportion to its error so far.
    func spread(count: Int, using generator: inout some RandomNumberGenerator) -> [Float] {
        let first = Int.random(in: 0..<vectors, using: &generator)
        var values = Array(input[first * dimension..<(first + 1) * dimension])
        var errors = (0..<vectors).map { error($0, values, 0) }
        for code in 1..<max(count, 1) {
            let total = errors.reduce(0, +)
            var chosen = Int.random(in: 0..<vectors, using: &generator)
            if total > 0, total.isFinite {
                var rest = Double.random(in: 0..<total, using: &generator)
                for (vector, error) in errors.enumerated() where error > 0 {
                    chosen = vector
                    rest -= error
                    if rest < 0 { break }
                }
            }
            values += input[chosen * dimension..<(chosen + 1) * dimension]
            for vector in 0..<vectors {
                errors[vector] = min(errors[vector], error(vector, values, code))
            }
        }
        return values
    }

    /// The nearest code of each vector, and how far it is.
    func assign(to book: VectorCodebook) -> (codes: [Int], errors: [Double]) {
        var codes = [Int](repeating: 0, count: vectors)
        var errors = [Double](repeating: .infinity, count: vectors)
        for vector in 0..<vectors {
            for code in 0..<book.count {
                let error = error(vector, book.values, code)
                if error < errors[vector] { (codes[vector], errors[vector]) = (code, error) }
            }
        }
        return (codes, errors)
    }

    /// The weighted mean of the vectors of each code.
    func centroids(of codes: [Int], errors: [Double], in book: VectorCodebook) -> [Float] {
        var sums = [Double](repeating: 0, count: book.values.count)
        var totals = sums
        var members = [Int](repeating: 0, count: book.count)
        for (vector, code) in codes.enumerated() {
            members[code] += 1
            for index in 0..<dimension {
                let at = vector * dimension + index
                sums[code * dimension + index] += weight(at) * Double(input[at])
                totals[code * dimension + index] += weight(at)
            }
        }
        // A coordinate whose weights are all 0 stays where it is.
        var values = book.values.indices.map {
            totals[$0] > 0 ? Float(sums[$0] / totals[$0]) : book.values[$0]
        }
        var worst = errors.indices.sorted { errors[$0] > errors[$1] }[...]
        for code in members.indices where members[code] == 0 {
            guard let vector = worst.popFirst(), errors[vector] > 0 else { break }
            for index in 0..<dimension {
                values[code * dimension + index] = input[vector * dimension + index]
            }
        }
        return values
    }
}
