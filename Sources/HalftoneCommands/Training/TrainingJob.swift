import Foundation
import HalftoneFiles
import HalftoneNN
import HalftoneRuns
import HalftoneTensor
import HalftoneTraining

/// A training that is ready to go, whatever is trained.
struct TrainingJob {
    /// Takes all steps that are left in a run.
    let train: (Run, RunProgress.Output, StopRequest) throws -> TrainingOutcome
    /// The last measurement.
    let evaluate: () throws -> [String: Double]
    /// What is trained, to be written, with averages in the place of parameters.
    let weights: () -> [String: Tensor]
    /// Files of the model's folder beside the weights.
    let files: [(name: String, content: JSONValue)]

    init<Batch>(
        _ trainer: Trainer<Batch>, unitsPerStep: (count: Int, name: String),
        files: [(name: String, content: JSONValue)]
    ) {
        train = { run, output, stop in
            try trainer.train(
                in: run, unitsPerStep: unitsPerStep, progress: output, stop: stop)
        }
        evaluate = { try trainer.evaluation() }
        weights = {
            let own = trainer.model.snapshot
            guard let average = trainer.average else { return own }
            return own.merging(average.values) { $1 }
        }
        self.files = files
    }

    /// Writes the model as a Hugging Face folder; files that are there are replaced.
    func write(to folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try TensorFile.write(weights(), to: folder + "/model.safetensors")
        for (name, content) in files {
            try AtomicFile.write(
                Array(content.serialized(.pretty(indent: 2)).utf8), to: folder + "/" + name)
        }
    }
}
