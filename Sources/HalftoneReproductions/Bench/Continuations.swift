import HalftoneModels
import HalftoneRuntime

extension Decoder {
    /// Continues prompts, all of them together, a token of each at a time.
    ///
    /// - Parameters:
    ///   - prompts: At least one token each.
    ///   - count: New tokens of each.
    ///   - choose: Gives a prompt's next token: its place among the prompts, the new tokens that
    ///     it has by then, and the logits.
    /// - Returns: The new tokens of each.
    func continuations(
        of prompts: [[Int32]], count: Int,
        choosing choose: (_ prompt: Int, _ step: Int, _ logits: [Float]) -> Int32
    ) throws(DecoderError) -> [[Int32]] {
        var texts = [[Int32]](repeating: [], count: prompts.count)
        guard count > 0, !prompts.isEmpty else { return texts }
        let states = prompts.map { makeState(capacity: $0.count + count) }
        for (index, prompt) in prompts.enumerated() {
            let logits = try logits(after: prompt, state: states[index])
            texts[index].append(choose(index, 0, logits))
        }
        let batch = makeBatch(states)
        let size = spec.vocabularySize
        var logits = [Float](repeating: 0, count: prompts.count * size)
        for step in 1..<max(count, 1) {
            try self.logits(after: texts.map { $0[step - 1] }, batch: batch, into: &logits)
            for index in prompts.indices {
                let own = Array(logits[index * size..<(index + 1) * size])
                texts[index].append(choose(index, step, own))
            }
        }
        return texts
    }
}
