import Foundation
import HalftoneCompression
import HalftoneModels
import HalftoneReport
import HalftoneRuns

/// `halftone inspect --worth`.
struct WorthJob {
    let options: WorthOptions
    let shared: SharedOptions
    /// What the user called the model.
    let name: String

    /// Measures a model, or reads what was measured, and shows it.
    func run(_ model: LanguageModel) throws {
        let file = try found(of: model)
        if let save = options.save {
            try file.write(to: save)
            shared.note("what was measured: \(save)")
        }
        let report = WorthReport(model: name, file: file, blocks: model.spec.blocks.count)
        if shared.json { try Console.json(report.document) } else { Console.result(report.text) }
        // A picture that cannot be drawn costs no second measurement.
        guard let chart = options.chart else { return }
        try write(report, to: chart)
        shared.note("the picture: \(chart)")
    }

    private func found(of model: LanguageModel) throws -> SensitivityFile {
        do {
            guard let load = options.load else { return try measured(model) }
            let file = try SensitivityFile(path: load)
            try file.check(isOf: model.weights)
            return file
        } catch let error as CompressionError {
            let place = options.load.map { "--load \($0): " } ?? ""
            throw CommandError(place + "\(error)", .badInput)
        } catch let error as ModelError {
            throw CommandError(
                "\(name): gradients cannot be taken of it (\(error)); measures that need none are "
                    + "error, kl, loss, lim, zd, entropy and column-loss", .badInput)
        }
    }

    private func measured(_ model: LanguageModel) throws -> SensitivityFile {
        let tokenizer = try ModelArgument.tokenizer(model, name)
        let settings = try options.settings.reading(for: model.spec)
        let tokens = try WrittenText.tokens(
            of: options.calibration, or: model, tokenizer, settings, shared)
        let length = min(settings.length, model.spec.contextLength)
        let study = SensitivityStudy(
            model.weights, settings: settings,
            text: try CalibrationText(
                tokens: tokens, opening: tokenizer.openingToken, length: length,
                count: max(tokens.count / length, 1)), pool: shared.pool)
        func display(_ title: String, _ total: Int?, _ unit: String) -> RunProgress? {
            shared.progress(title, total: total, unit: unit)
        }
        guard options.by == .tensor, options.only == nil else {
            let map = try study.map(
                by: options.by, parts: options.parts,
                where: { role in options.only.map { "\(role)".contains($0) } ?? true },
                display: display)
            guard !map.units.isEmpty else {
                throw CommandError("\(name) has no matrix with --only in its name", .badInput)
            }
            return SensitivityFile(.map(map), of: study)
        }
        return SensitivityFile(.costs(try study.costs(display: display)), of: study)
    }

    private func write(_ report: WorthReport, to path: String) throws {
        if path.hasSuffix(".html") {
            return try AtomicFile.write(try report.page().html(), to: path)
        }
        guard let figure = report.figures.first else {
            throw CommandError("there is nothing to draw", .badInput)
        }
        guard path.hasSuffix(".png") else { return try AtomicFile.write(figure.svg(), to: path) }
        do {
            try figure.writePNG(to: path)
        } catch let error as PNGError {
            throw CommandError("\(error)", .unavailable)
        }
    }
}
