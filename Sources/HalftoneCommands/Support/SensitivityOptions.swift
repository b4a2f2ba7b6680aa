import ArgumentParser
import HalftoneCompression
import HalftoneModels

extension SensitivityMeasure: ExpressibleByArgument {}

extension SensitivityMap.Partition: ExpressibleByArgument {}

/// What a budget is allocated by, for `compress` and `frontier`.
struct SensitivityOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            With a budget: what bits are allocated by (default: curvature, or error where \
            gradients cannot be taken); kl and loss run the model once for each choice.
            """))
    var sensitivity: SensitivityMeasure?

    @Option(
        help: ArgumentHelp(
            """
            With a budget: take what choices cost from FILE, which inspect --worth --save wrote, \
            instead of measuring it.
            """, valueName: "file"))
    var worth: String?

    /// Whether any is given.
    var areGiven: Bool { sensitivity != nil || worth != nil }

    mutating func validate() throws {
        guard sensitivity == nil || worth == nil else {
            throw ValidationError("--worth has a measure already; leave --sensitivity out")
        }
    }

    /// The costs of the file, if one is given.
    func costs(
        for model: LanguageModel, _ settings: BudgetSettings, _ shared: SharedOptions
    ) throws -> StorageCosts? {
        guard let worth else { return nil }
        do {
            let file = try SensitivityFile(path: worth)
            let costs = try file.costs(for: model.weights, settings: settings)
            let ways = costs.units.reduce(0) { $0 + $1.choices.count }
            shared.note("costs of \(ways) choices, by \(file.measure.rawValue), from \(worth)")
            return costs
        } catch {
            throw CommandError("--worth \(worth): \(error)", .badInput)
        }
    }
}
