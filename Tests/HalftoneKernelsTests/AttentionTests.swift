import Foundation
import HalftoneKernels
import Testing

struct AttentionTests {
    /// Attention by its definition, in double precision.
    private func reference(
        _ q: [Float], _ k: [Float], _ v: [Float], tokens: Int, heads: Int, keyHeads: Int,
        headDim: Int, scale: Double, softcap: Double?, window: Int?, from first: Int
    ) -> [Double] {
        var output: [Double] = []
        for query in first..<tokens {
            for head in 0..<heads {
                let keyHead = head / (heads / keyHeads)
                let start = window.map { max(0, query - $0 + 1) } ?? 0
                var scores: [Double] = []
                for key in start...query {
                    var sum = 0.0
                    for index in 0..<headDim {
                        sum +=
                            Double(q[(query * heads + head) * headDim + index])
                            * Double(k[(key * keyHeads + keyHead) * headDim + index])
                    }
                    sum *= scale
                    if let softcap { sum = softcap * tanh(sum / softcap) }
                    scores.append(sum)
                }
                let top = scores.max() ?? 0
                let weights = scores.map { exp($0 - top) }
                let total = weights.reduce(0, +)
                for index in 0..<headDim {
                    var sum = 0.0
                    for (offset, weight) in weights.enumerated() {
                        let row = (start + offset) * keyHeads + keyHead
                        sum += weight / total * Double(v[row * headDim + index])
                    }
                    output.append(sum)
                }
            }
        }
        return output
    }

    private func wave(_ count: Int, _ phase: Double) -> [Float] {
        (0..<count).map { Float(sin(Double($0) * 0.7 + phase) * 1.5) }
    }

    @Test(
        arguments: [
            (tokens: 1, heads: 1, keyHeads: 1, window: Int?.none, softcap: Float?.none),
            (150, 4, 2, nil, nil), (150, 4, 2, 8, nil), (70, 3, 3, nil, 2), (65, 6, 2, 100, 5),
            (9, 2, 1, 1, nil),
        ])
    func agreesWithTheDefinition(
        tokens: Int, heads: Int, keyHeads: Int, window: Int?, softcap: Float?
    ) {
        let headDim = 10
        let q = wave(tokens * heads * headDim, 0)
        let k = wave(tokens * keyHeads * headDim, 1)
        let v = wave(tokens * keyHeads * headDim, 2)
        let expected = reference(
            q, k, v, tokens: tokens, heads: heads, keyHeads: keyHeads, headDim: headDim,
            scale: 0.3, softcap: softcap.map(Double.init), window: window, from: 0)
        let attention = Attention(
            queryHeads: heads, scale: 0.3, softcap: softcap, window: window)
        let pool = WorkerPool(threads: 2)
        // All at once, and the last token after the others: the capacity has to grow too.
        for split in Set([0, tokens - 1]) {
            var store = KeyValueStore(heads: keyHeads, headDim: headDim, capacity: 3)
            var output: [Float] = []
            for range in [0..<split, split..<tokens] where !range.isEmpty {
                let width = heads * headDim
                let stride = keyHeads * headDim
                store.append(
                    tokens: range.count, keys: k, keyOffset: range.lowerBound * stride, values: v,
                    valueOffset: range.lowerBound * stride, stride: stride)
                var part = [Float](repeating: .nan, count: range.count * width)
                attention(
                    queries: Array(q[range.lowerBound * width..<range.upperBound * width]),
                    stride: width, tokens: range.count, store: store, into: &part, pool: pool)
                output += part
            }
            let worst = zip(output, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
            #expect(output.count == expected.count)
            // Scores up to 7 in float32 carry 1e-6; weights of sum 1 and values up to 1.5 keep it.
            #expect(worst < 1e-5, "the worst element is off by \(worst)")
        }
    }

    @Test func truncationForgets() {
        var store = KeyValueStore(heads: 1, headDim: 2, capacity: 1)
        store.append(
            tokens: 3, keys: [1, 2, 3, 4, 5, 6], keyOffset: 0, values: [1, 2, 3, 4, 5, 6],
            valueOffset: 0, stride: 2)
        store.truncate(to: 1)
        #expect(store.count == 1)
        #expect(store.capacity >= 3)
    }
}
