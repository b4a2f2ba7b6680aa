import Foundation
import HalftoneFiles
import HalftoneNN
import HalftoneRuns

extension Trainer {
    /// Writes all that the training needs to go on: `model.safetensors`, `training.safetensors`
    /// and `training.json`.
    public func write(to folder: RunFolder) throws {
        try TensorFile.write(model.snapshot, to: folder.path + "/" + TrainingFiles.model)
        try state.write(to: folder)
    }

    /// Goes on from what ``write(to:)`` wrote.
    ///
    /// - Throws: ``TrainingError/badCheckpoint(path:reason:)``, and what reading throws.
    public func read(from folder: RunFolder) throws {
        do {
            let model = try TensorFile.read(folder.path + "/" + TrainingFiles.model)
            let state = try SavedState(from: folder)
            guard let steps = state.integers["steps"].flatMap({ Int(exactly: $0) }) else {
                throw TrainingError.badCheckpoint(
                    path: folder.path, reason: "\(TrainingFiles.integers) counts no steps")
            }
            try self.model.restore(model)
            for (number, optimizer) in optimizers.enumerated() {
                try optimizer.restore(state.part("optimizer.\(number)."))
            }
            try average?.restore(state.part("average."))
            stepCount = steps
        } catch let error as ModuleError {
            throw TrainingError.badCheckpoint(path: folder.path, reason: "\(error)")
        }
    }

    /// The state of optimizers and averages under prefixes, and the number of steps.
    private var state: SavedState {
        var state = SavedState(integers: ["steps": UInt64(stepCount)])
        for (number, optimizer) in optimizers.enumerated() {
            state.merge(optimizer.state, prefix: "optimizer.\(number).")
        }
        if let average { state.merge(average.state, prefix: "average.") }
        return state
    }
}

extension SavedState {
    /// Writes `training.safetensors` and `training.json`.
    public func write(to folder: RunFolder) throws {
        try TensorFile.write(tensors, to: folder.path + "/" + TrainingFiles.tensors)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try folder.write(Array(encoder.encode(integers)), to: TrainingFiles.integers)
    }

    /// Reads what ``write(to:)`` wrote.
    ///
    /// - Throws: What reading and decoding throw.
    public init(from folder: RunFolder) throws {
        let tensors = try TensorFile.read(folder.path + "/" + TrainingFiles.tensors)
        let integers = Data(try folder.read(TrainingFiles.integers))
        self.init(
            tensors: tensors,
            integers: try JSONDecoder().decode([String: UInt64].self, from: integers))
    }
}

/// The files of a checkpoint.
enum TrainingFiles {
    static let model = "model.safetensors"
    static let tensors = "training.safetensors"
    static let integers = "training.json"
}
