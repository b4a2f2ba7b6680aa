import Foundation
import HalftoneData
import HalftoneKernels
import HalftoneModels
import HalftoneText

/// The texts that models are measured on.
enum EvaluationText {
    /// Reads a text and cuts it into tokens.
    ///
    /// - Parameters:
    ///   - path: A file, or nil for what comes with the program: stories that it was not trained on
    ///     for `stories`, and essays for any other model.
    ///   - model: What the user called the model.
    ///   - tokenizer: Its vocabulary.
    static func tokens(
        _ path: String?, for model: String, _ tokenizer: Tokenizer
    ) throws -> [Int32] {
        if let path { return tokenizer.encode(try load(path)) }
        guard model == ShippedModels.stories else { return tokenizer.encode(Essays.text) }
        // What separates stories is a token of its own.
        return tokenizer.encode(
            StoryText(seed: 1).text(byteCount: 80_000, of: .heldOut), parseSpecial: true)
    }

    /// What a model is measured on when no text is given, in two words.
    static func name(for model: String) -> String {
        model == ShippedModels.stories ? "held-out stories" : "the essays"
    }

    /// Reads a file.
    static func load(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError("\(path) cannot be read", .noInput)
        }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Tokenizer {
    /// The token that the tokenizer puts before a text, or nil.
    var openingToken: Int32? { encode("", addSpecialTokens: true).first }
}

extension LanguageModel {
    /// Bits per weight of the matrices that are packed, or nil when none is.
    var packedBitsPerWeight: Double? {
        let packed = spec.slots.filter { $0.shape.count == 2 && isPacked($0.role) }
        guard !packed.isEmpty else { return nil }
        let bytes = packed.reduce(0) { $0 + weights.matrix($1.role).byteCount }
        let count = packed.reduce(0) { $0 + $1.shape[0] * $1.shape[1] }
        return Double(8 * bytes) / Double(max(count, 1))
    }

    /// Whether this package or another program packed a matrix.
    private func isPacked(_ role: Role) -> Bool {
        if let packing {
            let name = architecture.huggingFace(role, in: spec).names[0]
            return packing.entries[name] != nil || packing.forms[name] != nil
        }
        let matrix = weights.matrix(role)
        return foreignLayout != nil && !(matrix is BlockMatrix || matrix is GatheredMatrix)
    }
}
