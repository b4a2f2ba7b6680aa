import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// What a calibrated compression has done so far, in a run directory: block by block.
///
/// A job that was killed goes on behind the last block that was finished, and ends with the same
/// bytes as one that was not.
public struct CompressionJournal: Sendable {
    private let run: Run

    private static let file = "matrices.safetensors"

    /// What must agree for a job to go on with another's blocks.
    private struct Recipe: Encodable {
        var model: String
        var weights: String
        var body: String
        var embedding: String?
        var overrides: [String: String]
        var search: String
        var method: String
        var calibration: String
        var threads: Int
    }

    /// Starts a journal, or goes on with one.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - model: The model that is compressed.
    ///   - recipe: Formats.
    ///   - method: A text that states the method with all its settings.
    ///   - calibration: What is read.
    ///   - threads: Of the pool; with another number sums would be rounded otherwise.
    /// - Throws: `RunError` when the folder is the journal of another job, and what the disk says.
    public init(
        at path: String, model: LanguageModel, recipe: CompressionRecipe, method: String,
        calibration: CalibrationText, threads: Int
    ) throws {
        try self.init(
            at: path, model,
            Recipe(
                model: model.source.path, weights: Self.sample(of: model.weights),
                body: "\(recipe.body)", embedding: recipe.embedding.map { "\($0)" },
                overrides: Dictionary(
                    uniqueKeysWithValues: recipe.overrides.map { ("\($0)", "\($1)") }),
                search: "\(recipe.body.search)", method: method,
                calibration: Self.digest(of: calibration.sequences), threads: threads))
    }

    /// Starts a journal for matrices in forms of their own, or goes on with one.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - model: The model that is compressed.
    ///   - embedding: The form of embedding and head; nil leaves them float.
    ///   - method: A text that states the method with all its settings.
    ///   - calibration: What is read.
    ///   - threads: Of the pool; with another number sums would be rounded otherwise.
    /// - Throws: As ``init(at:model:recipe:method:calibration:threads:)``.
    public init(
        at path: String, model: LanguageModel, embedding: FormRecipe?, method: String,
        calibration: CalibrationText, threads: Int
    ) throws {
        try self.init(
            at: path, model,
            Recipe(
                model: model.source.path, weights: Self.sample(of: model.weights),
                body: "forms", embedding: embedding?.description, overrides: [:], search: "",
                method: method, calibration: Self.digest(of: calibration.sequences),
                threads: threads))
    }

    private init(at path: String, _ model: LanguageModel, _ recipe: Recipe) throws {
        run = try Run.open(
            at: path, kind: "compress", recipe: RunRecipe(encoding: recipe),
            units: model.spec.blocks.indices.map { Self.unit($0) })
    }

    /// The SHA-256 of a row of each matrix: another model under the same name has other rows.
    public static func sample(of weights: DecoderWeights) -> String {
        var sum = SHA256()
        for slot in weights.spec.slots where slot.shape.count == 2 && slot.shape[0] > 0 {
            let matrix = weights.matrix(slot.role)
            var row = [Float](repeating: 0, count: matrix.columns)
            matrix.decode(row: matrix.rows / 2, into: &row)
            sum.update(
                row.flatMap { value in
                    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
                })
        }
        return sum.hexadecimal()
    }

    /// The SHA-256 of sequences of tokens.
    public static func digest(of sequences: [[Int32]]) -> String {
        SHA256.hexadecimal(of: Array(sequences.map { "\($0)" }.joined(separator: "\n").utf8))
    }

    /// Blocks that are done.
    public var finishedBlocks: Int {
        get throws { try run.status().done.count }
    }

    private static func unit(_ block: Int) -> String { "block \(block)" }

    /// What is noted of a block, if it is done.
    private func file(of block: Int) throws -> SafetensorsFile? {
        guard try run.status().done.contains(Self.unit(block)) else { return nil }
        let folder = try run.folder(of: Self.unit(block))
        return try SafetensorsFile(contentsOf: folder.path + "/" + Self.file)
    }

    private func note(
        _ block: Int, _ sources: [TensorSource], metadata: [(name: String, value: String)] = []
    ) throws {
        guard let claim = try run.claim(Self.unit(block)) else {
            throw RunError.claimLost(unit: Self.unit(block))
        }
        var writer = SafetensorsWriter(metadata: metadata)
        for source in sources { try writer.add(source) }
        try writer.write(to: claim.folder.path + "/" + Self.file)
        try claim.finish()
    }

    /// Removes the folder, once its result is where it belongs.
    public func remove() throws { try run.options.fileSystem.remove(run.path) }
}

extension CompressionJournal {
    private static let blocks = ".blocks"

    /// What came of a block, if it is done.
    func packed(
        _ block: Int, of spec: DecoderSpec, by recipe: CompressionRecipe
    ) throws -> QuantizedBlock? {
        guard let file = try file(of: block) else { return nil }
        var result: [Role: PackedWeight] = [:]
        var errors: [Role: RateDistortionGPTQ.ExpectedErrors] = [:]
        for slot in spec.slots where slot.role.block == block {
            guard let packing = recipe.packing(for: slot.role) else { continue }
            let name = "\(slot.role)"
            errors[slot.role] = try file.metadata[name]?.string.map { try columnErrors($0, name) }
            func part(_ suffix: String) -> Bytes? { file.tensor(named: name + suffix)?.bytes }
            let (rows, columns) = (slot.shape[0], slot.shape[1])
            switch packing {
            case .codes(let scheme):
                result[slot.role] = .codes(
                    try QuantizedTensor(
                        rows: rows, columns: columns, scheme: scheme,
                        parts: QuantizedTensor.StoredParts(
                            codes: part(PackedManifest.Suffix.codes) ?? Bytes([]),
                            scales: part(PackedManifest.Suffix.scales) ?? Bytes([]),
                            scaleFactor: part(PackedManifest.Suffix.factor),
                            zeroPoints: part(PackedManifest.Suffix.zeros))))
            case .blocks(let type):
                result[slot.role] = .blocks(
                    try BlockMatrix(
                        type: type, rows: rows, columns: columns,
                        bytes: part(Self.blocks) ?? Bytes([])))
            }
        }
        return QuantizedBlock(matrices: result, columnErrors: errors)
    }

    /// What is noted of the errors of a matrix's columns.
    private func columnErrors(
        _ text: String, _ name: String
    ) throws -> RateDistortionGPTQ.ExpectedErrors {
        do {
            return try JSONDecoder().decode(
                RateDistortionGPTQ.ExpectedErrors.self, from: Data(text.utf8))
        } catch is DecodingError {
            throw RunError.damaged(
                path: run.path, reason: "'\(text)' says nothing of the columns of \(name)")
        }
    }

    /// Notes what came of a block.
    func note(_ block: Int, _ found: QuantizedBlock) throws {
        let sources = found.matrices.sorted { "\($0.key)" < "\($1.key)" }.flatMap { role, matrix in
            switch matrix {
            case .codes(let tensor): tensor.sources(named: "\(role)", .rows)
            case .blocks(let matrix):
                [
                    TensorSource(
                        name: "\(role)" + Self.blocks, shape: [matrix.bytes.count],
                        encoding: .elements(.uint8)
                    ) { try $0.write(matrix.bytes) }
                ]
            }
        }
        let errors = try found.columnErrors.map { role, errors in
            (
                name: "\(role)",
                value: String(decoding: try JSONEncoder().encode(errors), as: UTF8.self)
            )
        }
        try note(block, sources, metadata: errors.sorted { $0.name < $1.name })
    }

    /// The matrices of a block in forms of their own, if it is done.
    func stored(_ block: Int, of spec: DecoderSpec) throws -> [Role: StoredMatrix]? {
        guard let file = try file(of: block) else { return nil }
        var result: [Role: StoredMatrix] = [:]
        for slot in spec.slots where slot.role.block == block && slot.role.isLinear {
            let name = "\(slot.role)"
            let text = file.metadata[name]?.string ?? ""
            let form = try MatrixForm(json: try JSONParser.parse(Bytes(Array(text.utf8))))
            result[slot.role] = try StoredMatrix(
                form: form, rows: slot.shape[0], columns: slot.shape[1]
            ) { file.tensor(named: name + "." + $0.name)?.bytes }
        }
        return result
    }

    /// Notes the matrices of a block in forms of their own.
    func note(_ block: Int, _ matrices: [Role: StoredMatrix]) throws {
        let sorted = matrices.sorted { "\($0.key)" < "\($1.key)" }
        var metadata: [(name: String, value: String)] = []
        for (role, matrix) in sorted {
            metadata.append(("\(role)", try matrix.form.json().serialized()))
        }
        try note(
            block, sorted.flatMap { $0.value.sources(named: "\($0.key)") }, metadata: metadata)
    }
}

extension StoredMatrix {
    /// The tensors of the parts, below the name of the matrix.
    func sources(named name: String) -> [TensorSource] {
        parts.map { part in
            TensorSource(
                name: name + "." + part.layout.name, shape: part.layout.shape,
                encoding: .elements(part.layout.type)
            ) { try $0.write(part.bytes) }
        }
    }
}
