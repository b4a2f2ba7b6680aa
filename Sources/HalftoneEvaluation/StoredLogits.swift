import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels

/// Logits that another program computed for a sequence of tokens, to hold a model to.
public struct StoredLogits: Sendable {
    /// The sequence, at least two tokens.
    public let tokens: [Int32]
    /// The length of a row.
    public let vocabularySize: Int
    private let tensor: StoredTensor

    /// Opens a safetensors file with `input_ids` (I64 `[tokens]`) and `logits` (F32
    /// `[tokens, vocabulary]`): row *t* follows tokens 0 to *t* and predicts token *t* + 1.
    ///
    /// - Throws: `FileError`, or ``EvaluationError/badLogits(path:reason:)``.
    public init(contentsOf path: String) throws {
        let file = try SafetensorsFile(contentsOf: path)
        guard let ids = file.tensor(named: "input_ids"), ids.encoding == .elements(.int64),
            ids.shape.count == 1, ids.elementCount >= 2
        else {
            throw EvaluationError.badLogits(
                path: path, reason: "it has no input_ids of two tokens or more")
        }
        guard let logits = file.tensor(named: "logits"), logits.encoding == .elements(.float32),
            logits.shape.count == 2, logits.shape[0] == ids.elementCount, logits.shape[1] > 0
        else {
            throw EvaluationError.badLogits(
                path: path, reason: "it has no logits with a row per token")
        }
        vocabularySize = logits.shape[1]
        tensor = logits
        tokens = (0..<ids.elementCount).map {
            Int32(clamping: ids.bytes.load(Int64.self, at: $0 * 8))
        }
        guard tokens.allSatisfy({ $0 >= 0 && Int($0) < logits.shape[1] }) else {
            throw EvaluationError.badLogits(
                path: path, reason: "a token is outside the vocabulary of \(logits.shape[1])")
        }
    }

    /// Some rows, `[range.count, vocabularySize]`.
    func rows(_ range: Range<Int>) -> [Float] {
        let rowBytes = vocabularySize * 4
        let part = tensor.bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes]
        return (0..<range.count * vocabularySize).map {
            Float(bitPattern: part.load(UInt32.self, at: $0 * 4))
        }
    }
}
