import HalftoneModels

extension Decoder {
    /// Writes texts with the model itself, several at a time: what it was trained on, as far as
    /// it remembers, for measurements that need text and have none.
    ///
    /// - Parameters:
    ///   - opening: The token that begins each text.
    ///   - count: Texts.
    ///   - length: Tokens of each, the opening one included.
    ///   - seed: Equal seeds give equal texts; each text has a generator of its own.
    ///   - progress: Called with the tokens that there are so far, of `count · length`.
    /// - Returns: `count` sequences of `length` tokens, drawn at temperature 1.
    /// - Throws: ``DecoderError`` for an opening that the model does not have.
    public func sampledTexts(
        opening: Int32, count: Int, length: Int, seed: UInt64,
        progress: (Int) -> Void = { _ in }
    ) throws(DecoderError) -> [[Int32]] {
        var texts = [[Int32]](repeating: [opening], count: count)
        for first in stride(from: 0, to: count, by: Self.textsAtOnce) {
            let range = first..<min(first + Self.textsAtOnce, count)
            let batch = makeBatch(range.map { _ in makeState(capacity: length) })
            var samplers = range.map { index in
                var options = SamplingOptions()
                options.temperature = 1
                options.seed = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index)
                return Sampler(options)
            }
            let size = spec.vocabularySize
            var logits = [Float](repeating: 0, count: range.count * size)
            for _ in 1..<max(length, 1) {
                try self.logits(
                    after: range.map { texts[$0][texts[$0].count - 1] }, batch: batch,
                    into: &logits)
                for (row, index) in range.enumerated() {
                    var own = Array(logits[row * size..<(row + 1) * size])
                    texts[index].append(samplers[row].next(&own))
                }
                progress(first * length + range.count * texts[first].count)
            }
        }
        return texts
    }

    /// Texts that are written together.
    private static let textsAtOnce = 8
}
