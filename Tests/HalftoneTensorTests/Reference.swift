import HalftoneKernels
import HalftoneTensor

/// Definitions in Double, by plain loops over indices.
enum Reference {
    /// The indices of a shape in row-major order.
    static func indices(_ shape: [Int]) -> [[Int]] {
        shape.reduce([[]]) { list, length in
            list.flatMap { start in (0..<length).map { start + [$0] } }
        }
    }

    static func offset(_ index: [Int], _ shape: [Int]) -> Int {
        zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
    }

    /// The place of a broadcast element in an operand of its own shape.
    static func operand(_ index: [Int], _ shape: [Int]) -> Int {
        let own = zip(index.suffix(shape.count), shape).map { $1 == 1 ? 0 : $0 }
        return offset(own, shape)
    }

    static func combine(
        _ first: [Int], _ second: [Int], into shape: [Int],
        _ function: @escaping (Double, Double) -> Double
    ) -> ([[Double]]) -> [Double] {
        { inputs in
            indices(shape).map {
                function(inputs[0][operand($0, first)], inputs[1][operand($0, second)])
            }
        }
    }

    /// Reduces axes with a function of all the numbers that fall together.
    static func reduce(
        _ shape: [Int], _ axes: [Int], _ function: @escaping ([Double]) -> Double
    ) -> ([[Double]]) -> [Double] {
        let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
        return { inputs in
            var groups = [[Double]](repeating: [], count: kept.reduce(1, *))
            for index in indices(shape) {
                groups[operand(index, kept)].append(inputs[0][offset(index, shape)])
            }
            return groups.map(function)
        }
    }

    /// `[batch, rows, depth] · [batch, depth, columns]` with either stored transposed.
    static func product(
        batch: Int, _ rows: Int, _ depth: Int, _ columns: Int, _ first: Bool, _ second: Bool,
        repeatsSecond: Bool = false
    ) -> ([[Double]]) -> [Double] {
        { inputs in
            var result: [Double] = []
            for item in 0..<batch {
                let a = Array(inputs[0][(item * rows * depth)...])
                let b = Array(inputs[1][(repeatsSecond ? 0 : item * depth * columns)...])
                for row in 0..<rows {
                    for column in 0..<columns {
                        result.append(
                            (0..<depth).reduce(0.0) { sum, place in
                                let x = first ? a[place * rows + row] : a[row * depth + place]
                                let y =
                                    second
                                    ? b[column * depth + place] : b[place * columns + column]
                                return sum + x * y
                            })
                    }
                }
            }
            return result
        }
    }

    /// A function of each run along an axis, which may change its length.
    static func along(
        _ shape: [Int], _ axis: Int, _ function: @escaping ([Double]) -> [Double]
    ) -> ([[Double]]) -> [Double] {
        { inputs in
            let outer = shape[..<axis].reduce(1, *)
            let inner = shape[(axis + 1)...].reduce(1, *)
            var runs: [[Double]] = []
            for first in 0..<outer {
                for last in 0..<inner {
                    runs.append(
                        function(
                            (0..<shape[axis]).map {
                                inputs[0][(first * shape[axis] + $0) * inner + last]
                            }))
                }
            }
            let length = runs.first?.count ?? 0
            return (0..<outer).flatMap { first in
                (0..<length).flatMap { place in
                    (0..<inner).map { runs[first * inner + $0][place] }
                }
            }
        }
    }
}
