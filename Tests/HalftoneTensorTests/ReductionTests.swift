import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

private struct ReductionCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operation: @Sendable (Tensor, [Int]?, Bool) -> Tensor
    let definition: @Sendable ([Double]) -> Double
}

private let cases: [ReductionCase] = [
    .init(
        testDescription: "sum", operation: { $0.sum(axes: $1, keepDimensions: $2) },
        definition: { $0.reduce(0, +) }),
    .init(
        testDescription: "mean", operation: { $0.mean(axes: $1, keepDimensions: $2) },
        definition: { $0.reduce(0, +) / Double($0.count) }),
    .init(
        testDescription: "variance", operation: { $0.variance(axes: $1, keepDimensions: $2) },
        definition: { values in
            let mean = values.reduce(0, +) / Double(values.count)
            return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        }),
    .init(
        testDescription: "max", operation: { $0.max(axes: $1, keepDimensions: $2) },
        definition: { $0.max()! }),
    .init(
        testDescription: "min", operation: { $0.min(axes: $1, keepDimensions: $2) },
        definition: { $0.min()! }),
]

@Suite struct ReductionTests {
    /// Sums of at most 60 terms, and six roundings for what surrounds them.
    @Test(arguments: cases)
    fileprivate func reductionsFollowTheirDefinition(_ reduction: ReductionCase) {
        let shape = [3, 4, 5]
        let x = Tensor.normal(shape, mean: 1, seed: 31)
        for axes in [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], [-1], [-3, 2]] {
            let places = axes.map { $0 < 0 ? $0 + 3 : $0 }
            let failures = checkGradients(
                "\(reduction.testDescription) over \(axes)", at: [x], roundings: 66
            ) {
                reduction.operation($0[0], axes, false)
            } reference: {
                (Reference.reduce(shape, places, reduction.definition))($0)
            }
            #expect(failures.isEmpty, "\(failures)")
            let kept = reduction.operation(x, axes, true)
            #expect(kept.shape == (0..<3).map { places.contains($0) ? 1 : shape[$0] })
            #expect(kept.elements == reduction.operation(x, axes, false).elements)
        }
        #expect(reduction.operation(x, nil, false).shape == [])
        #expect(reduction.operation(x, nil, true).shape == [1, 1, 1])
    }

    /// A sum in Double; at most 4096/16 + 4 + 4 additions in the first level, one more level of
    /// at most 300, and the chunks of 64 rows pass fewer: 600 roundings of the sum of magnitudes.
    @Test(arguments: [[1_000_003], [3, 70_001], [70_001, 3], [5, 9001, 7], [900, 1100]])
    func longSumsAreAccurateAndTheSameOnTwoThreads(shape: [Int]) {
        let x = Tensor.normal(shape, mean: 0.5, seed: 32)
        for axes in (0..<shape.count).map({ [$0] }) + [Array(0..<shape.count)] {
            let one = WorkerPool.$current.withValue(WorkerPool(threads: 1)) { x.sum(axes: axes) }
            let two = WorkerPool.$current.withValue(WorkerPool(threads: 2)) { x.sum(axes: axes) }
            let three = WorkerPool.$current.withValue(WorkerPool(threads: 3)) { x.sum(axes: axes) }
            #expect(one == two && one == three, "\(shape) over \(axes)")
            let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
            var sums = [Double](repeating: 0, count: one.count)
            var sizes = sums
            let strides = kept.indices.map { kept[($0 + 1)...].reduce(1, *) }
            for (place, value) in x.elements.enumerated() {
                var (rest, target) = (place, 0)
                for axis in shape.indices.reversed() {
                    target += (kept[axis] == 1 ? 0 : rest % shape[axis]) * strides[axis]
                    rest /= shape[axis]
                }
                sums[target] += Double(value)
                sizes[target] += Double(value.magnitude)
            }
            let failures = checkClose(
                one.elements.array, sums, within: sizes.map { 600 * 0x1p-24 * $0 })
            #expect(failures.isEmpty, "\(shape) over \(axes): \(failures)")
        }
    }

    @Test func emptySumsAreZeroAndEqualExtremesShare() {
        #expect(Tensor.zeros([0, 3]).sum(axes: [0]).elements == [0, 0, 0])
        #expect(Tensor.zeros([3, 0]).sum(axes: [0]).count == 0)
        #expect(
            Tensor.zeros([3, 0]).max(axes: [1]).elements == [-.infinity, -.infinity, -.infinity])
        let x = Tensor(shape: [4], elements: [2, 1, 2, 0]).tracked()
        #expect(x.max().gradient(for: x).elements == [0.5, 0, 0.5, 0])
    }
}
