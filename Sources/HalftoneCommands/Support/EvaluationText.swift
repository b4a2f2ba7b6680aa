import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneText

/// The texts that models are measured on.
enum EvaluationText {
    /// Reads a text.
    ///
    /// - Parameter path: A file, or nil for the essays that come with the program.
    static func load(_ path: String?) throws -> String {
        guard let path else { return DemoText.essays }
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
        guard let packing, !(packing.entries.isEmpty && packing.forms.isEmpty) else {
            return nil
        }
        var bytes = 0
        var count = 0
        for slot in spec.slots {
            let name = architecture.huggingFace(slot.role, in: spec).names[0]
            guard packing.entries[name] != nil || packing.forms[name] != nil else { continue }
            bytes += weights.matrix(slot.role).byteCount
            count += slot.shape[0] * slot.shape[1]
        }
        return Double(8 * bytes) / Double(max(count, 1))
    }
}
