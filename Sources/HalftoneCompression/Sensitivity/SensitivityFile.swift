import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Costs of a model's parts as a file, to be looked at and to allocate by.
public struct SensitivityFile: Sendable, Codable {
    /// What was measured.
    public enum Content: Sendable, Codable {
        /// What each way to store each matrix costs.
        case costs(StorageCosts)
        /// Costs of other parts, which are looked at only.
        case map(SensitivityMap)
    }

    /// The measure.
    public var measure: SensitivityMeasure
    /// What was measured.
    public var content: Content
    /// The SHA-256 of a row of each matrix of the model.
    public private(set) var weights: String
    /// The SHA-256 of the tokens that were read.
    public private(set) var text: String
    /// So many.
    public private(set) var tokenCount: Int
    private let kind: String
    private let version: Int

    private static let kindName = "halftone sensitivity"
    private static let currentVersion = 1
    /// The largest file that is read.
    private static let mostBytes = 1 << 30

    /// States what was measured.
    public init(_ content: Content, of study: SensitivityStudy) {
        self.content = content
        measure = study.measure
        weights = CompressionJournal.sample(of: study.weights)
        text = CompressionJournal.digest(of: study.read.sequences)
        tokenCount = study.read.sequences.reduce(0) { $0 + $1.count }
        kind = Self.kindName
        version = Self.currentVersion
    }

    /// Reads a file.
    ///
    /// - Throws: ``CompressionError/badSensitivity(_:)`` for a file that cannot be read or is none of
    ///   these.
    public init(path: String) throws(CompressionError) {
        let url = URL(filePath: path)
        let found: Self
        do {
            let size = try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            guard size <= Self.mostBytes else {
                throw CompressionError.badSensitivity(
                    "\(path) has \(size) bytes, more than costs of any model take")
            }
            found = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
        } catch let error as CompressionError {
            throw error
        } catch is DecodingError {
            throw .badSensitivity(
                "\(path) holds no sensitivities; write one with halftone inspect MODEL --worth "
                    + "--save FILE")
        } catch {
            throw .badSensitivity("\(path) cannot be read: \(error.localizedDescription)")
        }
        guard found.kind == Self.kindName, found.version == Self.currentVersion else {
            throw .badSensitivity(
                "\(path) is of kind \"\(found.kind)\", version \(found.version); this program reads "
                    + "version \(Self.currentVersion) of \"\(Self.kindName)\"")
        }
        self = found
    }

    /// Writes the file in one step.
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try AtomicFile.write(Array(try encoder.encode(self)), to: path)
    }

    /// The costs by part, whatever the parts are.
    public var map: SensitivityMap {
        switch content {
        case .costs(let costs): SensitivityMap(costs)
        case .map(let map): map
        }
    }
}

extension SensitivityFile {
    /// Refuses a file of another model.
    ///
    /// - Throws: ``CompressionError/badSensitivity(_:)``.
    public func check(isOf model: DecoderWeights) throws(CompressionError) {
        guard weights == CompressionJournal.sample(of: model) else {
            throw .badSensitivity("the sensitivities are of a model with other weights")
        }
    }

    /// The costs to allocate by: of the ways to store matrices that the settings try, those that the
    /// file has.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - settings: What is tried.
    /// - Throws: ``CompressionError/badSensitivity(_:)`` for a file of another model or of other parts
    ///   than matrices, for a matrix that has no cost of any way that is tried, and for sizes that
    ///   disagree with the model.
    public func costs(
        for model: DecoderWeights, settings: BudgetSettings
    ) throws(CompressionError) -> StorageCosts {
        try check(isOf: model)
        guard case .costs(let costs) = content else {
            throw .badSensitivity(
                "the file has sensitivities of \(map.partition.title); bits are allocated by those of "
                    + "matrices: halftone inspect MODEL --worth --save FILE")
        }
        let units = Dictionary(costs.units.map { ($0.role, $0) }) { first, _ in first }
        var kept: [StorageCosts.Unit] = []
        var missing: [String] = []
        for slot in model.spec.slots where slot.role.isPackable {
            let tried = settings.packings(for: slot.role, columns: slot.shape[1])
            guard !tried.isEmpty else { continue }
            let choices = (units[slot.role]?.choices ?? []).filter { tried.contains($0.packing) }
            if choices.isEmpty { missing.append("\(slot.role)") }
            for choice in choices { try Self.check(choice, slot) }
            kept.append(
                StorageCosts.Unit(
                    role: slot.role, weightCount: slot.shape.reduce(1, *), choices: choices))
        }
        guard missing.isEmpty else {
            throw .badSensitivity(
                "the file has no cost of what is tried for \(missing.count) matrices, such as "
                    + "\(missing[0]); measure them with the same --effort and --target")
        }
        let tables = costs.tables.filter { table in kept.contains { $0.role == table.role } }
        for table in tables where table.width != model.matrix(table.role).columns {
            throw .badSensitivity("\(table.role): the file has \(table.width) columns")
        }
        return StorageCosts(costs.unit, kept, tables)
    }

    private static func check(
        _ choice: StorageCosts.Choice, _ slot: ParameterSlot
    ) throws(CompressionError) {
        let bytes = choice.packing.byteCount(
            .automatic, rows: slot.shape[0], columns: slot.shape[1])
        guard choice.cost.isFinite, choice.byteCount == bytes else {
            throw .badSensitivity(
                "\(slot.role), \(choice.packing): a cost of \(choice.cost) and "
                    + "\(choice.byteCount) bytes; it takes \(bytes)")
        }
    }
}
