import ArgumentParser
import Foundation
import HalftoneModels
import HalftoneText

/// How commands name and open models.
enum ModelArgument {
    /// What to write where a command wants a model.
    static let help = ArgumentHelp(
        "A model folder, a GGUF file, or the name of a model that `get` has fetched.")

    /// Opens a model.
    ///
    /// - Parameter name: A path, or a name that ``ModelStore`` knows.
    static func load(_ name: String, _ shared: SharedOptions) throws -> LanguageModel {
        try LanguageModel(path: ModelStore.path(of: name))
    }

    /// The vocabulary of a model, which most commands cannot do without.
    static func tokenizer(_ model: LanguageModel, _ name: String) throws -> Tokenizer {
        guard let tokenizer = model.tokenizer else {
            throw CommandError(
                "\(name) has no tokenizer; add its tokenizer.json to the folder",
                .badInput)
        }
        return tokenizer
    }
}

/// An error with the exit code of its kind.
struct CommandError: Error, CustomStringConvertible {
    /// Exit codes, after `sysexits.h`.
    enum Code: Int32 {
        /// A file is damaged or of the wrong kind.
        case badInput = 65
        /// A file does not exist.
        case noInput = 66
        /// The network, a registry or a program is missing.
        case unavailable = 69
        /// Something failed that should not.
        case failed = 70
        /// The output cannot be written.
        case cannotWrite = 73
        /// The user asked to stop.
        case interrupted = 130
    }

    let description: String
    let code: Code

    init(_ description: String, _ code: Code) {
        self.description = description
        self.code = code
    }
}
