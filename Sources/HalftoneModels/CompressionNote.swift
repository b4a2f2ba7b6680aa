import Foundation
import HalftoneFiles
import HalftoneRuns

/// What a job with a budget found out about a model, kept in its folder as `compression.json`.
public struct CompressionNote: Sendable, Codable, Equatable {
    /// A model that was made on the way, or the one that was written.
    public struct Candidate: Sendable, Codable, Equatable {
        /// How its bits were chosen.
        public var name: String
        /// Bytes of its packed matrices.
        public var bytes: Int
        /// All bits of those by their weights.
        public var bitsPerWeight: Double
        /// The divergence from the float model on held-out text, in nats per token.
        public var divergence: Double
        /// Whether it is the one that was written.
        public var isChosen: Bool

        /// States a candidate.
        public init(
            name: String, bytes: Int, bitsPerWeight: Double, divergence: Double, isChosen: Bool
        ) {
            self.name = name
            self.bytes = bytes
            self.bitsPerWeight = bitsPerWeight
            self.divergence = divergence
            self.isChosen = isChosen
        }
    }

    /// The divergence from the float model that each matrix alone is expected to cause as it is
    /// stored, in nats per token, by the text of its role.
    public var damage: [String: Double]
    /// The models that were compared.
    public var candidates: [Candidate]

    /// The name of the file.
    public static let fileName = "compression.json"

    /// The largest file that is read.
    private static let mostBytes = 16 << 20

    /// States what was found out.
    public init(damage: [Role: Double], candidates: [Candidate]) {
        self.damage = Dictionary(uniqueKeysWithValues: damage.map { ("\($0)", $1) })
        self.candidates = candidates
    }

    /// The note in a model's folder, or nil where there is none that can be read.
    public init?(of model: LanguageModel) {
        guard case .folder(let folder, _) = model.source else { return nil }
        let file = URL(filePath: folder.path).appending(path: Self.fileName)
        guard
            let size = try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize,
            size <= Self.mostBytes, let data = try? Data(contentsOf: file),
            let note = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = note
    }

    /// Writes the note into a model's folder.
    public func write(toFolder path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try AtomicFile.write(
            Array(try encoder.encode(self)),
            to: URL(filePath: path).appending(path: Self.fileName).path(percentEncoded: false))
    }
}
