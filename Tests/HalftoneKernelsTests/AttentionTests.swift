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
            heads: heads, keyHeads: keyHeads, headDim: headDim, scale: 0.3, softcap: softcap,
            window: window)
        let pool = WorkerPool(threads: 2)
        let width = heads * headDim
        let keyWidth = keyHeads * headDim
        var rowsOfAll: [Float] = []
        for token in 0..<tokens {
            rowsOfAll += q[token * width..<(token + 1) * width]
            rowsOfAll += k[token * keyWidth..<(token + 1) * keyWidth]
            rowsOfAll += v[token * keyWidth..<(token + 1) * keyWidth]
        }
        let projected = FloatBuffer(rowsOfAll)
        let scratch = (0..<2).map { _ in
            FloatBuffer(count: Attention.scratch(count: tokens, positions: tokens))
        }
        // All at once, some first, and the last token after the others.
        for split in Set([0, tokens / 2, tokens - 1]) {
            let store = KeyValueStore(heads: keyHeads, headDim: headDim, capacity: 3)
            let rows = ActivationRows(width: width, capacity: tokens, forms: .bytes)
            for range in [0..<split, split..<tokens] where !range.isEmpty {
                store.reserve(range.upperBound)
                let segment = Attention.Segment(
                    row: range.lowerBound, count: range.count, position: range.lowerBound,
                    store: store, rotation: nil)
                pool.together { team in
                    attention.store(team, segment, projected)
                    attention.run(team, segment, projected, scratch: scratch, into: rows)
                }
                store.advance(range.count)
            }
            var output = [Float](repeating: 0, count: tokens * width)
            rows.floats.copy(0..<tokens * width, into: &output)
            let worst = zip(output, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
            #expect(output.count == expected.count)
            // Scores up to 7 in float32 carry 1e-6; weights of sum 1 and values up to 1.5 keep it.
            #expect(worst < 1e-5, "the worst element is off by \(worst)")
        }
    }

    /// What a query gets does not depend on how many are computed beside it.
    @Test(
        arguments: [
            (tokens: 150, headDim: 64, window: Int?.none), (150, 64, 40), (37, 10, nil),
            (81, 80, 16), (64, 16, nil),
        ])
    func blocksGiveTheBitsOfEachQuery(tokens: Int, headDim: Int, window: Int?) {
        let attention = Attention(
            heads: 4, keyHeads: 2, headDim: headDim, scale: 0.2, window: window)
        let pool = WorkerPool(threads: 2)
        let projected = FloatBuffer(wave(tokens * attention.width, 0.5))
        let scratch = (0..<2).map { _ in
            FloatBuffer(count: Attention.scratch(count: tokens, positions: tokens))
        }
        let results = [tokens, 1, tokens / 2 + 1].map { size -> [Float] in
            let store = KeyValueStore(heads: 2, headDim: headDim, capacity: tokens)
            let rows = ActivationRows(width: 4 * headDim, capacity: tokens, forms: [])
            for first in stride(from: 0, to: tokens, by: size) {
                let count = min(size, tokens - first)
                let segment = Attention.Segment(
                    row: first, count: count, position: first, store: store, rotation: nil)
                pool.together { team in
                    attention.store(team, segment, projected)
                    attention.run(team, segment, projected, scratch: scratch, into: rows)
                }
                store.advance(count)
            }
            var output = [Float](repeating: 0, count: tokens * 4 * headDim)
            rows.floats.copy(0..<output.count, into: &output)
            return output
        }
        #expect(results[0].contains { $0 != 0 })
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test func growthKeepsWhatIsStored() {
        let store = KeyValueStore(heads: 2, headDim: 2, capacity: 1)
        let attention = Attention(heads: 2, keyHeads: 2, headDim: 2, scale: 1)
        let pool = WorkerPool(threads: 1)
        let rows = ActivationRows(width: 4, capacity: 3, forms: [])
        let scratch = [FloatBuffer(count: 3)]
        // Queries of 0 weigh all keys alike: attention is the mean of the values so far.
        for token in 0..<3 {
            let value = Float(token)
            let projected = FloatBuffer(
                [0, 0, 0, 0] + [1, 1, 1, 1] + [value, 2 * value, 3 * value, 4 * value])
            store.reserve(token + 1)
            let segment = Attention.Segment(
                row: 0, count: 1, position: token, store: store, rotation: nil)
            pool.together { team in
                attention.store(team, segment, projected)
                attention.run(team, segment, projected, scratch: scratch, into: rows)
            }
            store.advance(1)
            let mean = value / 2
            for column in 0..<4 { #expect(rows.floats[column] == mean * Float(column + 1)) }
        }
        store.truncate(to: 1)
        #expect(store.count == 1)
        #expect(store.capacity >= 3)
    }
}
