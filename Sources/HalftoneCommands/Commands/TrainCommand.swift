import ArgumentParser
import Foundation
import HalftoneKernels
import HalftoneRecipes
import HalftoneRuns
import HalftoneRuntime
import HalftoneTraining

/// `halftone train`: train a model by a recipe.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a language model or an image classifier by a recipe.",
        discussion: """
            The output is a folder with the recipe, checkpoints, metrics.jsonl, the curves as \
            loss.svg, loss.png and curves.html and, at the end, the model as a Hugging Face \
            folder. Ctrl-C stops after the step at hand with a checkpoint; a second one stops at \
            once. --resume goes on, also after the process was killed, and ends with the same \
            model, byte for byte, as one that was not.
            """)

    @Argument(help: "The recipe, a YAML or JSON file.")
    var recipe: String

    @Option(name: [.short, .long], help: "The folder of the training.")
    var output: String

    @Flag(help: "Go on with a training that is there.")
    var resume = false

    @OptionGroup var shared: SharedOptions

    func run() throws {
        let start = ContinuousClock.now
        let loaded = try TrainRecipe.load(from: recipe)
        let run = try Run.open(
            at: output, kind: "train", recipe: loaded.canonical,
            opening: resume ? .resume : .start)
        let stop = StopRequest()
        let isQuiet = shared.quiet
        Interruption.install { _ in
            let isSecond = stop.raise()
            if !isSecond, !isQuiet {
                Console.note("\nstopping after the step at hand; once more stops at once")
            }
            return isSecond
        }
        defer { Interruption.install() }
        try WorkerPool.$current.withValue(shared.pool) {
            let job = try job(loaded.value)
            let outcome = try job.train(
                run, shared.quiet ? .silent : .standardError, stop)
            if case .stopped(let step) = outcome {
                try writeCurves(loaded)
                throw CommandError(
                    "stopped after step \(step) of \(loaded.value.training.steps); to go on: "
                        + "halftone train \(recipe) -o \(output) --resume",
                    .interrupted)
            }
            let folder = output + "/model"
            try job.write(to: folder)
            try writeCurves(loaded)
            let report = TrainReport(
                model: folder, steps: loaded.value.training.steps, measured: try job.evaluate(),
                seconds: (ContinuousClock.now - start).seconds,
                peakMemoryBytes: ProcessMemory.peakBytes)
            if shared.json { return try Console.json(report) }
            Console.result(report.text)
        }
    }

    private func job(_ recipe: TrainRecipe) throws -> TrainingJob {
        if let language = recipe.language {
            return try .language(language, recipe) { shared.note($0) }
        }
        guard let images = recipe.images else {
            throw CommandError("the recipe names nothing to train", .badInput)
        }
        return try .images(images, recipe) { shared.note($0) }
    }

    /// Draws what was measured so far.
    private func writeCurves(_ recipe: LoadedRecipe<TrainRecipe>) throws {
        let curves = TrainingCurves(
            records: try MetricsLog.records(at: output + "/metrics.jsonl"),
            recipe: recipe.canonical, steps: recipe.value.training.steps)
        if let reason = try curves.write(to: output) { shared.note("no loss.png: \(reason)") }
    }
}

/// What `train` shows.
private struct TrainReport: Encodable {
    let model: String
    let steps: Int
    let measured: [String: Double]
    let seconds: Double
    let peakMemoryBytes: Int?

    var text: String {
        let memory = peakMemoryBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        let values = measured.sorted { $0.key < $1.key }.map { name, value in
            name.padding(toLength: 19, withPad: " ", startingAt: 0)
                + Formatting.decimal(value, 4)
        }
        return
            (values + [
                "steps              \(steps)", "written to         \(model)",
                "took               \(Formatting.duration(seconds))\(memory)",
            ]).joined(separator: "\n")
    }
}
