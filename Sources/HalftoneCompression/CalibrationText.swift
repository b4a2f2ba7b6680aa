import HalftoneText

/// Text that a model reads so that its layers' inputs are known, as tokens.
public struct CalibrationText: Sendable, Equatable {
    /// Windows of tokens that are read apart.
    public let sequences: [[Int32]]

    /// Takes windows of tokens.
    public init(sequences: [[Int32]]) { self.sequences = sequences }

    /// Cuts a text into windows that do not overlap, and takes some of them, evenly spread.
    ///
    /// - Parameters:
    ///   - text: What the model is meant for, but not what it will be measured on.
    ///   - tokenizer: The model's; its opening token begins each window.
    ///   - length: Tokens of a window.
    ///   - count: Windows; fewer when the text is short.
    /// - Throws: ``CompressionError/badCalibration(_:)`` when there is not one window.
    public init(
        _ text: String, tokenizer: Tokenizer, length: Int = 512, count: Int = 32
    ) throws(CompressionError) {
        try self.init(
            tokens: tokenizer.encode(text),
            opening: tokenizer.encode("", addSpecialTokens: true).first, length: length,
            count: count)
    }

    /// Cuts tokens into windows that do not overlap, and takes some of them, evenly spread.
    ///
    /// - Parameters:
    ///   - tokens: A text.
    ///   - opening: What begins each window, if anything does.
    ///   - length: Tokens of a window.
    ///   - count: Windows; fewer when the text is short.
    /// - Throws: ``CompressionError/badCalibration(_:)`` when there is not one window.
    public init(
        tokens: [Int32], opening: Int32?, length: Int, count: Int
    ) throws(CompressionError) {
        precondition(count >= 1, "there is a window")
        guard length >= 2 else {
            throw .badCalibration("a window of \(length) tokens is too short; 2 is the least")
        }
        let body = opening == nil ? length : length - 1
        let windows = tokens.count / body
        guard windows >= 1 else {
            throw .badCalibration(
                "the text has \(tokens.count) tokens; calibration needs a window of \(length)")
        }
        let taken = min(count, windows)
        sequences = (0..<taken).map { index in
            let first = index * windows / taken * body
            return (opening.map { [$0] } ?? []) + tokens[first..<first + body]
        }
    }
}
