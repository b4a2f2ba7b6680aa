import ArgumentParser
import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
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

/// A share as people write it: `5%`, `0.05`.
struct Share: ExpressibleByArgument, Equatable {
    let share: Double

    init?(argument: String) {
        let isPercent = argument.hasSuffix("%")
        guard let number = Double(isPercent ? String(argument.dropLast()) : argument),
            number > 0, number.isFinite
        else { return nil }
        share = isPercent ? number / 100 : number
    }
}

/// Limits of a model that `compress` keeps, beside bits of a weight.
struct BudgetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A budget: the bytes that the weight file may have, 60MB.", valueName: "bytes"))
    var size: ByteCount?

    @Option(
        help: ArgumentHelp(
            """
            A budget: resident memory of a program that runs the model with a sequence of \
            --context tokens, 200MB.
            """, valueName: "bytes"))
    var memory: ByteCount?

    @Option(help: "With --memory: tokens of the sequence (default: 2048, at most the model's).")
    var context: Int?

    @Option(
        name: .customLong("speed"),
        help: ArgumentHelp(
            """
            A budget: the tokens that one sequence is to get a second at least, on this machine \
            with --threads; what each format takes is timed first.
            """, valueName: "tokens"))
    var tokensPerSecond: Double?

    @Option(
        help: ArgumentHelp(
            """
            A budget: how far predictions on held-out text may be from the float model's, in nats \
            per token (0.05); the smallest file within that is looked for.
            """, valueName: "nats"))
    var kl: Double?

    @Option(
        help: ArgumentHelp(
            """
            A budget: by how much perplexity on held-out text may be above the float model's, 5%; \
            the smallest file within that is looked for.
            """, valueName: "share"))
    var perplexity: Share?

    mutating func validate() throws {
        for (name, value) in [("--kl", kl), ("--speed", tokensPerSecond)] {
            guard value.map({ $0 > 0 && $0.isFinite }) ?? true else {
                throw ValidationError("\(name) is a number above 0")
            }
        }
        guard context.map({ $0 >= 1 }) ?? true, context == nil || memory != nil else {
            throw ValidationError("--context is a number of tokens, and goes with --memory")
        }
    }

    /// The limits, with those of bits.
    ///
    /// - Parameters:
    ///   - bits: Bits of a weight, if they are limited.
    ///   - contextLength: What the model reads at most.
    ///   - programBytes: Memory of the program beside model, keys and values.
    func budget(
        bits: Double?, contextLength: Int = .max, programBytes: Int = 0
    ) -> ModelBudget {
        var budget = ModelBudget()
        budget.bitsPerWeight = bits
        budget.fileBytes = size?.bytes
        budget.memory = memory.map {
            ModelBudget.Memory(
                bytes: $0.bytes, context: min(context ?? 2048, contextLength),
                programBytes: programBytes)
        }
        budget.tokensPerSecond = tokensPerSecond
        budget.divergence = kl
        budget.perplexityRise = perplexity?.share
        return budget
    }
}

extension BudgetSettings.Effort: ExpressibleByArgument {}

extension BudgetTarget: ExpressibleByArgument {}

extension PredictionLoss: ExpressibleByArgument {
    /// The loss that an option names.
    public init?(argument: String) { self.init(named: argument) }
}

/// A model within a budget, for `halftone compress`.
struct BudgetJob {
    var budget: ModelBudget
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
            throw CommandError("the budget cannot be kept: \(error)", .badInput)
        } catch RunError.recipeDiffers(let path, let differences) {
            throw CommandError(
                """
                \(path) holds what another job has done so far:
                \(differences.map { "  " + $0 }.joined(separator: "\n"))
                --restart removes it and begins anew
                """, .badInput)
        } catch let error as RunError {
            guard case .damaged = error else { throw error }
            throw CommandError("\(error)\n--restart removes it and begins anew", .badInput)
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
