import Foundation
import HalftoneNN
import HalftoneRuns

/// How a training in a run ended.
public enum TrainingOutcome: Sendable, Equatable {
    /// All steps are done.
    case finished
    /// It was asked to stop, and can go on from this step.
    case stopped(step: Int)
}

extension Trainer {
    /// The name of the checkpoints in a run.
    public static var checkpointName: String { "training" }

    /// Trains in a run: goes on from its newest checkpoint, and writes checkpoints and metrics.
    ///
    /// A training that was stopped or killed and goes on writes the same checkpoints and the same
    /// values as one that was not; what depends on the clock stands apart in the metrics.
    ///
    /// - Parameters:
    ///   - run: Where checkpoints and `metrics.jsonl` go; locked meanwhile.
    ///   - unitsPerStep: Examples or tokens of a step, for the rate in the metrics.
    ///   - output: Where lines for a person go.
    ///   - stop: Raised, it ends the training after the step at hand, with a checkpoint.
    /// - Throws: What steps, checkpoints and evaluations throw.
    public func train(
        in run: Run, unitsPerStep: (count: Int, name: String)? = nil,
        progress output: RunProgress.Output = .standardError, stop: StopRequest? = nil
    ) throws -> TrainingOutcome {
        let lock = try run.lock()
        defer { lock.release() }
        if let checkpoint = try run.latestCheckpoint(Self.checkpointName) {
            try read(from: checkpoint.folder)
        }
        let metrics = try lock.metrics(through: stepCount)
        let progress = RunProgress(
            "Training", total: options.steps, unit: "steps", alreadyCompleted: stepCount,
            output: output)
        defer { progress.finish() }
        var savedStep = stepCount
        var (sum, number, began) = (0.0, 0, ProcessInfo.processInfo.systemUptime)
        while stepCount < options.steps {
            let result = try step()
            sum += result.loss
            number += 1
            let isLast = stepCount == options.steps
            var record = MetricsRecord(step: stepCount, values: [:])
            if isLast || stepCount.isMultiple(of: max(1, options.metricsInterval)) {
                let now = ProcessInfo.processInfo.systemUptime
                let seconds = (now - began) / Double(number)
                record.values = [
                    "loss": result.loss, "rate": result.rate, "gradientNorm": result.gradientNorm,
                ]
                record.timing["secondsPerStep"] = seconds
                if let unitsPerStep {
                    record.timing["\(unitsPerStep.name)PerSecond"] =
                        Double(unitsPerStep.count) / seconds
                }
            }
            progress.advance(note: note(sum / Double(number), unitsPerStep, began, number))
            if !record.values.isEmpty {
                (sum, number, began) = (0, 0, ProcessInfo.processInfo.systemUptime)
            }
            if isLast || options.evaluationInterval.map({ stepCount.isMultiple(of: $0) }) == true {
                for (name, value) in try evaluation() {
                    record.values["evaluation.\(name)"] = value
                }
            }
            if !record.values.isEmpty { try metrics.append(record) }
            let isStopping = stop?.isRaised == true
            if isLast || isStopping
                || stepCount.isMultiple(of: max(1, options.checkpointInterval))
            {
                try lock.saveCheckpoint(Self.checkpointName, version: stepCount) {
                    try write(to: $0)
                }
                savedStep = stepCount
            }
            if isStopping, !isLast { return .stopped(step: savedStep) }
        }
        return .finished
    }

    /// The loss and the rate for a person.
    private func note(
        _ loss: Double, _ units: (count: Int, name: String)?, _ began: Double, _ number: Int
    ) -> String {
        let text = "loss " + String(format: "%.4f", loss)
        guard let units else { return text }
        let seconds = ProcessInfo.processInfo.systemUptime - began
        let rate = Double(units.count * number) / max(seconds, 1e-9)
        return text + String(format: ", %.0f ", rate) + units.name + "/s"
    }
}
