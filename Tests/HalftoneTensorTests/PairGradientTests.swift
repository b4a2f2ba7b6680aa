import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

private struct PairCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operation: @Sendable (Tensor, Tensor) -> Tensor
    let definition: @Sendable (Double, Double) -> Double
}

private let cases: [PairCase] = [
    .init(testDescription: "+", operation: { $0 + $1 }, definition: { $0 + $1 }),
    .init(testDescription: "-", operation: { $0 - $1 }, definition: { $0 - $1 }),
    .init(testDescription: "*", operation: { $0 * $1 }, definition: { $0 * $1 }),
    .init(testDescription: "/", operation: { $0 / $1 }, definition: { $0 / $1 }),
    .init(testDescription: "power", operation: { $0.power($1) }, definition: { pow($0, $1) }),
    .init(
        testDescription: "minimum", operation: { Tensor.minimum($0, $1) },
        definition: { min($0, $1) }),
    .init(
        testDescription: "maximum", operation: { Tensor.maximum($0, $1) },
        definition: { max($0, $1) }),
    .init(
        testDescription: "gated", operation: { $0.siluMultiply($1) },
        definition: { $0 / (1 + exp(-$0)) * $1 }),
]

private let shapes: [(first: [Int], second: [Int], result: [Int])] = [
    ([3, 11], [3, 11], [3, 11]), ([4, 9], [9], [4, 9]), ([9], [4, 9], [4, 9]),
    ([4, 9], [4, 1], [4, 9]), ([2, 1, 5], [3, 1], [2, 3, 5]), ([5], [], [5]), ([], [], []),
    ([2, 3, 2, 2], [1, 3, 1, 1], [2, 3, 2, 2]), ([1, 7], [7], [1, 7]), ([4, 1], [1, 9], [4, 9]),
    ([2, 1, 3, 1], [4, 1, 5], [2, 4, 3, 5]), ([0, 3], [1], [0, 3]),
]

@Suite struct PairGradientTests {
    /// A value passes at most eight roundings, `pow` counting for four, and a gradient sums over
    /// at most twenty repeats.
    @Test(arguments: cases)
    fileprivate func pairsFollowTheirDefinition(_ pair: PairCase) {
        for (first, second, result) in shapes {
            let x = Tensor.uniform(first, in: 0.5...2, seed: 21)
            let y = Tensor.uniform(second, in: 0.5...2, seed: 22)
            let failures = checkGradients(
                "\(pair.testDescription) of \(first) and \(second)", at: [x, y], roundings: 40
            ) {
                pair.operation($0[0], $0[1])
            } reference: {
                (Reference.combine(first, second, into: result, pair.definition))($0)
            }
            #expect(failures.isEmpty, "\(failures)")
            #expect(pair.operation(x, y).shape == result)
        }
    }

    @Test func equalOnesShareTheGradient() {
        let x = Tensor(shape: [2], elements: [1, 2]).tracked()
        let y = Tensor(shape: [2], elements: [1, 3]).tracked()
        #expect(
            Tensor.maximum(x, y).gradients(for: [x, y]).map(\.elements) == [[0.5, 0], [0.5, 1]])
        #expect(
            Tensor.minimum(x, y).gradients(for: [x, y]).map(\.elements) == [[0.5, 1], [0.5, 0]])
    }

    @Test func oneOperandMayBeBoth() {
        let x = Tensor(shape: [2], elements: [3, -2]).tracked()
        #expect((x * x).gradient(for: x).elements == [6, -4])
        #expect((x - x).gradient(for: x).elements == [0, 0])
        #expect((x + x + x).gradient(for: x).elements == [3, 3])
    }

    @Test func choiceTakesNothingFromTheOther() {
        let mask = Tensor(shape: [3, 1], elements: [1, 0, 1])
        let failures = checkGradients(
            "choosing", at: [.normal([3, 5], seed: 3), .normal([5], seed: 4)], roundings: 4
        ) {
            $0[0].choosing(where: mask, else: $0[1])
        } reference: { inputs in
            (0..<15).map { (place: Int) -> Double in
                place / 5 == 1 ? inputs[1][place % 5] : inputs[0][place]
            }
        }
        #expect(failures.isEmpty, "\(failures)")
    }
}
