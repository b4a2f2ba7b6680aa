/// Turns token ids into text one by one, as a model makes them.
///
/// What it gives out never ends inside a character, and all of it together is what
/// ``Tokenizer/decode(_:skipSpecial:)`` gives for all ids. Byte tokens (`<0xHH>`) wait for the
/// next token of another kind, since only the whole run decides whether they are characters.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecial: Bool
    private var steps: [RunningStep]

    /// Starts a text.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer whose ids come.
    ///   - skipSpecial: Whether special tokens give no text.
    public init(_ tokenizer: Tokenizer, skipSpecial: Bool = true) {
        self.tokenizer = tokenizer
        skipsSpecial = skipSpecial
        var joined = false
        steps = tokenizer.decoder.map { step in
            defer { joined = step.joinsTokens(joined) }
            return RunningStep(step, takesParts: joined)
        }
    }

    /// Takes one id and returns the text that is now certain, often empty.
    ///
    /// An id outside the vocabulary gives no text.
    public mutating func push(_ id: Int32) -> String {
        String(decoding: pushBytes(id), as: UTF8.self)
    }

    /// Returns what was held back; U+FFFD stands for characters that were never completed.
    ///
    /// The decoder is then at the start of a new text.
    public mutating func finish() -> String {
        String(decoding: finishBytes(), as: UTF8.self)
    }

    mutating func pushBytes(_ id: Int32) -> [UInt8] {
        guard let token = tokenizer.decodedBytes(of: id, skipSpecial: skipsSpecial) else {
            return []
        }
        return Array(run([token], from: 0).joined())
    }

    mutating func finishBytes() -> [UInt8] {
        var text: [UInt8] = []
        for index in steps.indices {
            var tokens: [[UInt8]] = []
            steps[index].finish(into: &tokens)
            text.append(contentsOf: run(tokens, from: index + 1).joined())
        }
        self = StreamingDecoder(tokenizer, skipSpecial: skipsSpecial)
        return text
    }

    private mutating func run(_ tokens: [[UInt8]], from first: Int) -> [[UInt8]] {
        var tokens = tokens
        for index in steps.indices.dropFirst(first) {
            if tokens.isEmpty { return [] }
            var next: [[UInt8]] = []
            for token in tokens { steps[index].push(token, into: &next) }
            tokens = next
        }
        return tokens
    }
}
