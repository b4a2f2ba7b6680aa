import ArgumentParser
import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText

/// What `--bits` of `halftone compress` states.
enum WidthOrBudget: ExpressibleByArgument, Equatable {
    /// Bits of every code.
    case width(Int)
    /// Bits that a weight may take on average, everything counted.
    case budget(Double)

    /// A whole number is a width; a number with a decimal point is a budget.
    init?(argument: String) {
        if let width = Int(argument) {
            self = .width(width)
        } else if let budget = Double(argument), budget.isFinite, budget > 0 {
            self = .budget(budget)
        } else {
            return nil
        }
    }
}

/// A number of bytes as people write it: `60MB`, `1.5GiB`, `1000000`.
struct ByteCount: ExpressibleByArgument, Equatable {
    let bytes: Int

    private static let units: [(name: String, factor: Double)] = [
        ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824), ("kb", 1e3), ("mb", 1e6),
        ("gb", 1e9), ("b", 1), ("", 1),
    ]

    init?(argument: String) {
        let text = argument.lowercased().filter { $0 != " " && $0 != "_" }
        guard let unit = Self.units.first(where: { text.hasSuffix($0.name) }),
            let number = Double(text.dropLast(unit.name.count)), number > 0,
            number * unit.factor < 0x1p62
        else { return nil }
        bytes = Int(number * unit.factor)
    }
}

extension BudgetSettings.Effort: ExpressibleByArgument {}

extension BudgetTarget: ExpressibleByArgument {}

/// A model within a budget, for `halftone compress`.
struct BudgetJob {
    var budget: SizeBudget
    var settings: BudgetSettings
    /// A file, or nil for what the model writes itself.
    var calibration: String?
    var sensitivity: SensitivityOptions
    var restart: Bool
    /// Of what is written.
    var output: String
    var shared: SharedOptions

    /// The folder that keeps what is done.
    private var folder: String { output + ".run" }

    /// The job for a model.
    func compression(
        of model: LanguageModel, named name: String
    ) throws -> BudgetedCompression {
        let tokenizer = try ModelArgument.tokenizer(model, name)
        return try BudgetedCompression(
            model, budget: budget, settings: settings,
            tokens: try WrittenText.tokens(
                of: calibration, or: model, tokenizer, settings, shared),
            opening: tokenizer.openingToken,
            costs: try sensitivity.costs(for: model, settings, shared), pool: shared.pool)
    }

    /// Does the job.
    func outcome(of job: BudgetedCompression) throws -> BudgetedCompression.Outcome {
        do {
            if restart, FileManager.default.fileExists(atPath: folder) { try removeFolder() }
            return try job.run(keepingAt: folder) { shared.progress($0, total: $1, unit: $2) }
        } catch let error as AllocationError {
            throw CommandError("the budget is too small: \(error)", .badInput)
        } catch RunError.recipeDiffers(let path, let differences) {
            throw CommandError(
                """
                \(path) holds what another job has done so far:
                \(differences.map { "  " + $0 }.joined(separator: "\n"))
                --restart removes it and begins anew
                """, .badInput)
        }
    }

    /// Removes what is kept, once the result is where it belongs.
    func removeFolder() throws {
        _ = try Run.existing(at: folder, kind: BudgetedCompression.runKind)
        try FileManager.default.removeItem(atPath: folder)
    }
}

/// Text that a model writes itself, to calibrate on where none is given.
enum WrittenText {
    /// The tokens to spend budgets with: those of a file, or else of what the model writes.
    static func tokens(
        of path: String?, or model: LanguageModel, _ tokenizer: Tokenizer,
        _ settings: BudgetSettings, _ shared: SharedOptions
    ) throws -> [Int32] {
        if let path { return tokenizer.encode(try EvaluationText.load(path)) }
        shared.note("no --calibration: the model writes the text to calibrate on itself")
        return try windows(
            by: model, opening: tokenizer.openingToken,
            count: settings.calibrationWindows + settings.heldOutWindows,
            length: min(settings.length, model.spec.contextLength), seed: 1, shared
        ).flatMap(\.self)
    }

    /// Draws windows from a model's own predictions.
    static func windows(
        by model: LanguageModel, opening: Int32?, count: Int, length: Int, seed: UInt64,
        _ shared: SharedOptions
    ) throws -> [[Int32]] {
        let progress = shared.progress(
            "Writing text to calibrate on", total: count * length, unit: "tokens")
        defer { progress.finish() }
        let writer = Decoder(model.weights, pool: shared.pool, activations: .int8)
        return try writer.sampledTexts(
            opening: opening ?? 0, count: count, length: length, seed: seed
        ) { progress.update(completed: $0) }
    }
}
