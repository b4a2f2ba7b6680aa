import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Lengths and rules of an attention, with its definition by plain loops.
private struct AttentionCase: Sendable, CustomTestStringConvertible {
    var queries = 5
    var keys = 5
    var heads = 2
    var keyHeads = 2
    var isCausal = false
    var window: Int?
    var mask: Tensor?

    let batch = 2
    let headDim = 3

    var testDescription: String {
        "\(queries)/\(keys) \(heads)/\(keyHeads) \(isCausal) \(window ?? 0) \(mask?.shape ?? [])"
    }

    func definition(_ inputs: [[Double]]) -> [Double] {
        var result = [Double](repeating: 0, count: batch * queries * heads * headDim)
        for item in 0..<batch {
            for head in 0..<heads {
                let keyHead = head / (heads / keyHeads)
                for query in 0..<queries {
                    let q = ((item * queries + query) * heads + head) * headDim
                    let place = query + keys - queries
                    var weights: [Int: Double] = [:]
                    for key in 0..<keys {
                        if isCausal, key > place { continue }
                        if let window, key <= place - window { continue }
                        let k = ((item * keys + key) * keyHeads + keyHead) * headDim
                        let dot = (0..<headDim).reduce(0.0) {
                            $0 + inputs[0][q + $1] * inputs[1][k + $1]
                        }
                        let index = [item, head, query, key]
                        let added =
                            mask.map { Double($0.elements[Reference.operand(index, $0.shape)]) }
                            ?? 0
                        weights[key] = exp(dot / Double(headDim).squareRoot() + added)
                    }
                    let sum = weights.values.reduce(0, +)
                    for (key, weight) in weights where sum > 0 {
                        let v = ((item * keys + key) * keyHeads + keyHead) * headDim
                        for column in 0..<headDim {
                            result[q + column] += weight / sum * inputs[2][v + column]
                        }
                    }
                }
            }
        }
        return result
    }
}

private let hidden = Tensor(
    shape: [2, 1, 1, 5],
    elements: [
        0, 0, -.infinity, 0.5, 0, -.infinity, -.infinity, -.infinity, -.infinity, -.infinity,
    ])

private let cases: [AttentionCase] = [
    .init(), .init(isCausal: true), .init(heads: 4, keyHeads: 2, isCausal: true),
    .init(heads: 3, keyHeads: 1, window: 2), .init(isCausal: true, window: 3),
    .init(queries: 3, keys: 5, isCausal: true), .init(queries: 5, keys: 2),
    .init(queries: 5, keys: 3, isCausal: true), .init(mask: hidden),
    .init(isCausal: true, mask: .normal([1, 2, 5, 5], seed: 70)),
    .init(queries: 130, keys: 130, heads: 1, keyHeads: 1, isCausal: true, window: 70),
]

@Suite struct AttentionGradientTests {
    /// Scores of three terms and exponentials of differences of up to 8; sums over the keys and,
    /// for keys and values, over the queries of all heads.
    @Test(arguments: cases)
    fileprivate func attentionFollowsItsDefinition(_ attention: AttentionCase) {
        let (q, k) = (
            Tensor.normal(
                [2, attention.queries, attention.heads, 3], seed: 71),
            [2, attention.keys, attention.keyHeads, 3]
        )
        let inputs = [q, .normal(k, seed: 72), .normal(k, seed: 73)]
        let operation = { (x: [Tensor]) in
            Tensor.attention(
                queries: x[0], keys: x[1], values: x[2], isCausal: attention.isCausal,
                window: attention.window, mask: attention.mask)
        }
        if attention.queries < 100 {
            let failures = checkGradients(
                attention.testDescription, at: inputs, roundings: 60, operation
            ) { attention.definition($0) }
            #expect(failures.isEmpty, "\(failures)")
        } else {
            // Several blocks: values against the definition, and gradients against the same
            // attention with its window given as a mask.
            let values = attention.definition(inputs.map { $0.elements.map(Double.init) })
            let failures = checkClose(
                operation(inputs).elements.array, values, within: 200 * 0x1p-24 * 4)
            #expect(failures.isEmpty, "\(failures)")
            let count = attention.queries
            let mask = Tensor(
                shape: [1, 1, count, count],
                elements: (0..<count * count).map {
                    let distance = $0 / count - $0 % count
                    return distance < 0 || distance >= 70 ? -Float.infinity : 0
                })
            let tracked = inputs.map { $0.tracked() }
            let g = Tensor.normal(q.shape, seed: 74)
            let found = operation(tracked).gradients(for: tracked, upstream: g)
            let other = Tensor.attention(
                queries: tracked[0], keys: tracked[1], values: tracked[2], mask: mask
            ).gradients(for: tracked, upstream: g)
            for (one, two) in zip(found, other) {
                let differences = checkClose(
                    one.elements.array, two.elements.map(Double.init), within: 400 * 0x1p-24 * 4)
                #expect(differences.isEmpty, "\(differences)")
            }
        }
    }

    @Test func attentionGivesTheSameBitsOnAnyNumberOfThreads() {
        let q = Tensor.normal([2, 150, 4, 8], seed: 75)
        let k = Tensor.normal([2, 150, 2, 8], seed: 76)
        let results = [1, 2, 3].map { threads in
            WorkerPool.$current.withValue(WorkerPool(threads: threads)) {
                let tracked = [q.tracked(), k.tracked()]
                let value = Tensor.attention(
                    queries: tracked[0], keys: tracked[1], values: tracked[1], isCausal: true)
                return [value.stopGradient()] + value.gradients(for: tracked, upstream: q)
            }
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test(arguments: [false, true], [4, 6, 20])
    func rotationsFollowTheirDefinition(isInterleaved: Bool, width: Int) {
        let angles = RotaryAngles(
            places: 2..<5,
            frequencies: (0..<width / 2).map { Float(pow(100, -2 * Double($0) / Double(width))) })
        let headDim = width + 1
        // Of the roundings, two of angles of up to 4 are eight.
        let failures = checkGradients(
            "rotation", at: [.normal([2, 3, 2, headDim], seed: 77)], roundings: 16
        ) {
            $0[0].rotated(by: angles, isInterleaved: isInterleaved)
        } reference: { inputs in
            var result = inputs[0]
            for row in 0..<12 {
                for pair in 0..<width / 2 {
                    let angle =
                        Double(2 + row / 2 % 3) * pow(100, -2 * Double(pair) / Double(width))
                    let first = row * headDim + (isInterleaved ? 2 * pair : pair)
                    let second = isInterleaved ? first + 1 : first + width / 2
                    let (a, b) = (inputs[0][first], inputs[0][second])
                    result[first] = a * cos(angle) - b * sin(angle)
                    result[second] = a * sin(angle) + b * cos(angle)
                }
            }
            return result
        }
        #expect(failures.isEmpty, "\(failures)")
    }
}
