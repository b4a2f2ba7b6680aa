import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// An operation that moves elements, beside what it does with their places.
private struct ShapeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shape: [Int]
    let result: [Int]
    let operation: @Sendable (Tensor) -> Tensor
    /// Where the element at an index of the result comes from; nil for a zero.
    let source: @Sendable ([Int]) -> [Int]?

    init(
        _ name: String, _ shape: [Int], _ result: [Int],
        _ operation: @escaping @Sendable (Tensor) -> Tensor,
        from source: @escaping @Sendable ([Int]) -> [Int]?
    ) {
        testDescription = name
        self.shape = shape
        self.result = result
        self.operation = operation
        self.source = source
    }
}

private let cases: [ShapeCase] = [
    .init("reshaped", [3, 4], [2, 6], { $0.reshaped([2, -1]) }) {
        let place = $0[0] * 6 + $0[1]
        return [place / 4, place % 4]
    },
    .init("transposed", [3, 20], [20, 3], { $0.transposed() }) { [$0[1], $0[0]] },
    .init("order 2 0 1", [3, 4, 5], [5, 3, 4], { $0.transposed([2, 0, 1]) }) {
        [$0[1], $0[2], $0[0]]
    },
    .init("order 0 2 1 3", [2, 3, 4, 5], [2, 4, 3, 5], { $0.transposed([0, 2, 1, 3]) }) {
        [$0[0], $0[2], $0[1], $0[3]]
    },
    .init("order 0 3 1 2", [2, 3, 4, 5], [2, 5, 3, 4], { $0.transposed([0, -1, 1, 2]) }) {
        [$0[0], $0[2], $0[3], $0[1]]
    },
    .init("expanded", [3, 1, 2], [2, 3, 4, 2], { $0.expanded(to: [2, 3, 4, 2]) }) {
        [$0[1], 0, $0[3]]
    },
    .init("squeezed", [3, 1, 2], [3, 2], { $0.squeezed(1) }) { [$0[0], 0, $0[1]] },
    .init("unsqueezed", [3, 2], [3, 2, 1], { $0.unsqueezed(-1) }) { [$0[0], $0[1]] },
    .init(
        "sliced", [5, 6, 3], [2, 3, 3],
        { $0.sliced(.range(1..<3), .from(1, by: 2)) }
    ) { [$0[0] + 1, 1 + 2 * $0[1], $0[2]] },
    .init(
        "sliced backwards", [5, 6], [6, 2],
        {
            $0.sliced(.all, .from(-1, to: 1, by: -2)).transposed([1, 0]).reversed(axis: 0)
                .transposed([1, 0]).sliced(.from(-2), .all).transposed().padded([(0, 4), (0, 0)])
        }
    ) { $0[0] < 2 ? [3 + $0[1], 3 + 2 * $0[0]] : nil },
    .init("one row", [5, 6], [6], { $0[row: 3] }) { [3, $0[0]] },
    .init("at the end", [5, 6], [5], { $0.sliced(.all, .at(-2)) }) { [$0[0], 4] },
    .init("reversed", [3, 4], [3, 4], { $0.reversed(axis: 1) }) { [$0[0], 3 - $0[1]] },
    .init(
        "selecting", [4, 3], [2, 3, 3],
        {
            $0.selecting(IndexTensor(shape: [2, 3], elements: [1, 1, 3, 0, 1, 2]))
        }
    ) { [[1, 1, 3, 0, 1, 2][$0[0] * 3 + $0[1]], $0[2]] },
    .init("selecting columns", [2, 4], [2, 3], { $0.selecting([3, 0, 3], axis: 1) }) {
        [$0[0], [3, 0, 3][$0[1]]]
    },
    .init(
        "gathering", [2, 3, 2], [2, 2, 2],
        {
            $0.gathering(
                IndexTensor(shape: [2, 2, 2], elements: [0, 2, 1, 1, 2, 0, 2, 0]), axis: 1)
        }
    ) { [$0[0], [0, 2, 1, 1, 2, 0, 2, 0][$0[0] * 4 + $0[1] * 2 + $0[2]], $0[2]] },
    .init("padded", [2, 3], [3, 6], { $0.padded([(1, 0), (2, 1)]) }) {
        $0[0] >= 1 && (2..<5).contains($0[1]) ? [$0[0] - 1, $0[1] - 2] : nil
    },
    .init("padded by reflection", [2, 4], [2, 9], { $0.padded([(3, 2)], .reflect) }) {
        [$0[0], [3, 2, 1, 0, 1, 2, 3, 2, 1][$0[1]]]
    },
    .init("padded by repeats", [2, 3], [2, 8], { $0.padded([(3, 2)], .replicate) }) {
        [$0[0], [0, 0, 0, 0, 1, 2, 2, 2][$0[1]]]
    },
    .init("padded around", [2, 3], [5, 8], { $0.padded([(2, 1), (3, 2)], .circular) }) {
        [[0, 1, 0, 1, 0][$0[0]], [0, 1, 2, 0, 1, 2, 0, 1][$0[1]]]
    },
]

@Suite struct ShapeGradientTests {
    /// Values are moved and gradients of at most nine places summed.
    @Test(arguments: cases)
    fileprivate func elementsComeFromWhereTheyShould(_ moving: ShapeCase) {
        let failures = checkGradients(
            moving.testDescription, at: [.normal(moving.shape, seed: 41)], roundings: 9
        ) {
            moving.operation($0[0])
        } reference: { inputs in
            Reference.indices(moving.result).map { index in
                moving.source(index).map {
                    inputs[0][Reference.offset($0, moving.shape)]
                } ?? 0
            }
        }
        #expect(failures.isEmpty, "\(failures)")
        #expect(moving.operation(.zeros(moving.shape)).shape == moving.result)
    }

    @Test func partsJoinAndComeApart() {
        let (a, b) = (Tensor.normal([2, 3, 2], seed: 1), Tensor.normal([2, 1, 2], seed: 2))
        let joined = Tensor.concatenate([a, b], axis: 1)
        #expect(joined.shape == [2, 4, 2])
        #expect(joined.split([3, 1], axis: -2) == [a, b])
        let failures = checkGradients("concatenate", at: [a, b], roundings: 2) {
            Tensor.concatenate([$0[0], $0[1], $0[0]], axis: 1)
        } reference: { x in
            (0..<2).flatMap { (row: Int) -> [Double] in
                let first = Array(x[0][row * 6..<row * 6 + 6])
                return first + Array(x[1][row * 2..<row * 2 + 2]) + first
            }
        }
        #expect(failures.isEmpty, "\(failures)")
        let stacked = Tensor.stack([b, b * 2], axis: -1)
        #expect(stacked.shape == [2, 1, 2, 2])
        #expect(stacked.sliced(.all, .all, .all, .at(1)) == b * 2)
        #expect(joined.split(into: 2, axis: 1).map(\.shape) == [[2, 2, 2], [2, 2, 2]])
    }

    @Test func scatteredElementsAreAdded() {
        let index = IndexTensor(shape: [2, 3], elements: [1, 1, 0, 2, 0, 2])
        let failures = checkGradients(
            "scatter", at: [.normal([2, 3], seed: 1), .normal([2, 3], seed: 2)], roundings: 4
        ) {
            $0[0].scatterAdding($0[1], at: index, axis: 1)
        } reference: { x in
            var y = x[0]
            for place in 0..<6 { y[place / 3 * 3 + Int(index.elements[place])] += x[1][place] }
            return y
        }
        #expect(failures.isEmpty, "\(failures)")
        let slices = checkGradients(
            "scatter slices", at: [.normal([3, 4], seed: 1), .normal([4, 4], seed: 2)],
            roundings: 4
        ) {
            $0[0].scatterAddingSlices($0[1], at: [2, 0, 2, 2])
        } reference: { x in
            var y = x[0]
            for (row, target) in [2, 0, 2, 2].enumerated() {
                for column in 0..<4 { y[target * 4 + column] += x[1][row * 4 + column] }
            }
            return y
        }
        #expect(slices.isEmpty, "\(slices)")
    }
}
