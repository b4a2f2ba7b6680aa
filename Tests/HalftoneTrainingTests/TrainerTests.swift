import Foundation
import HalftoneKernels
import HalftoneNN
import HalftoneRuns
import HalftoneTensor
import HalftoneTraining
import Testing

/// The training loop: stopping, going on, and saying where numbers break.
struct TrainerTests {
    /// A trainer of a small network with everything that has state: batch norm, dropout, momentum,
    /// averages, accumulation.
    private func trainer(steps: Int = 12) -> Trainer<Int> {
        var generator = SeededGenerator(seed: 8)
        let model = Sequential([
            Linear(6, 16, using: &generator), BatchNorm(channels: 16), ActivationLayer(.gelu),
            Dropout(0.25), Linear(16, 3, using: &generator),
        ])
        let matrices = ParameterGroup(
            model, Adam.decoupled(rate: 0.02), schedule: .cosine(warmup: 2, count: steps)
        ) { _, parameter in parameter.shape.count > 1 }
        let vectors = ParameterGroup(model, SGD(rate: 0.05, momentum: 0.9)) { _, parameter in
            parameter.shape.count <= 1
        }
        let options = TrainingOptions(
            steps: steps, accumulation: 2, clipNorm: 1, averageDecay: 0.9, metricsInterval: 1,
            checkpointInterval: 3, evaluationInterval: 4, seed: 5)
        let trainer = Trainer<Int>(
            model, [Optimizer([matrices]), Optimizer([vectors])], options, batch: { $0 }
        ) { number, context in
            let x = Tensor.normal([20, 6], seed: UInt64(number))
            let classes = IndexTensor(x.sliced(axis: 1, 0..<1).elements.map { $0 > 0 ? 1 : 0 })
            return Loss.crossEntropy(model(x, context), classes)
        }
        trainer.evaluate = { context in
            let y = model(.normal([50, 6], seed: 77), context)
            return ["mean": Double(y.mean().item)]
        }
        return trainer
    }

    private func temporary() -> String {
        FileManager.default.temporaryDirectory.appending(path: "trainer-\(UUID())").path
    }

    private func open(_ path: String) throws -> Run {
        try Run.open(
            at: path, kind: "train", recipe: RunRecipe(encoding: ["test": 1]))
    }

    /// What a training leaves, without what depends on the clock.
    private func result(_ path: String, _ trainer: Trainer<Int>) throws -> (
        files: [String: [UInt8]], metrics: [MetricsRecord]
    ) {
        let run = try open(path)
        let checkpoint = try #require(try run.latestCheckpoint("training"))
        var files: [String: [UInt8]] = [:]
        for name in try checkpoint.folder.names { files[name] = try checkpoint.folder.read(name) }
        let metrics = try MetricsLog.records(at: path + "/metrics.jsonl").map {
            MetricsRecord(step: $0.step, values: $0.values)
        }
        return (files, metrics)
    }

    @Test func goesOnToTheSameBits() throws {
        let (whole, parts) = (temporary(), temporary())
        defer {
            try? FileManager.default.removeItem(atPath: whole)
            try? FileManager.default.removeItem(atPath: parts)
        }
        let undisturbed = trainer()
        #expect(try undisturbed.train(in: open(whole), progress: .silent) == .finished)
        // Stopped by request after step 1, then killed at every step: a fresh trainer each time
        // takes some steps beyond the checkpoint that are lost, and goes on.
        let stop = StopRequest()
        stop.raise()
        #expect(
            try trainer().train(in: open(parts), progress: .silent, stop: stop)
                == .stopped(step: 1))
        for limit in 2..<12 {
            struct Killed: Error {}
            let killed = trainer()
            let interrupted = Trainer<Int>(
                killed.model, killed.optimizers, killed.options,
                batch: { number in
                    if number >= 2 * limit { throw Killed() }
                    return number
                }, loss: killed.loss)
            interrupted.evaluate = killed.evaluate
            #expect(throws: Killed.self) {
                try interrupted.train(in: open(parts), progress: .silent)
            }
        }
        let last = trainer()
        #expect(try last.train(in: open(parts), progress: .silent) == .finished)
        let (expected, found) = (try result(whole, undisturbed), try result(parts, last))
        #expect(found.files == expected.files)
        #expect(found.metrics == expected.metrics)
        #expect(expected.metrics.count == 12)
        #expect(expected.metrics[3].values["evaluation.mean"] != nil)
        #expect(last.model.snapshot == undisturbed.model.snapshot)
    }

    @Test func namesTheFirstLayerThatBreaks() throws {
        var generator = SeededGenerator(seed: 8)
        // Logarithms of numbers below 0 are NaN, and so is all that follows.
        let model = Sequential([
            Linear(6, 4, using: &generator), FunctionLayer { x, _ in (x - 1e6).log() },
            Linear(4, 3, using: &generator),
        ])
        let trainer = Trainer<Int>(
            model, [Optimizer(model, SGD(rate: 1))], TrainingOptions(steps: 3), batch: { $0 }
        ) { number, context in
            number < 2
                ? model.layers[0](.filled([2, 6], with: 1), context).mean() * 1e-3
                : model(.filled([2, 6], with: 1), context).mean()
        }
        _ = try trainer.step()
        _ = try trainer.step()
        let before = model.snapshot
        #expect(
            throws: TrainingError.notFinite(step: 3, place: .activation("1 (output)"))
        ) { try trainer.step() }
        #expect(model.snapshot == before)
    }

    @Test func namesStatisticsThatOverflow() throws {
        var generator = SeededGenerator(seed: 8)
        let model = Sequential([Linear(6, 4, using: &generator), BatchNorm(channels: 4)])
        let trainer = Trainer<Int>(
            model, [Optimizer(model, SGD(rate: 1))], TrainingOptions(steps: 1), batch: { $0 }
        ) { _, context in model(.normal([9, 6], seed: 1) * 1e30, context).mean() }
        // The squares of numbers of size 1e30 are infinite; what they divide is 0.
        #expect(
            throws: TrainingError.notFinite(step: 1, place: .buffer("1.running_var"))
        ) { try trainer.step() }
    }

    @Test func namesABrokenParameterAndABrokenGradient() throws {
        let trainer = trainer()
        let weight = try #require(trainer.model.parameter(at: "4.weight"))
        var value = weight.value
        value[0, 0] = .nan
        weight.set(value)
        #expect(
            throws: TrainingError.notFinite(step: 1, place: .parameter("4.weight"))
        ) { try trainer.step() }

        var generator = SeededGenerator(seed: 8)
        let linear = Linear(2, 2, using: &generator)
        let model = Sequential([linear, FunctionLayer { x, _ in x.squareRoot() }])
        linear.weight.set(.zeros([2, 2]))
        let roots = Trainer<Int>(
            model, [Optimizer(model, SGD(rate: 1))], TrainingOptions(steps: 1), batch: { $0 }
        ) { _, context in model(.filled([1, 2], with: 1), context).sum() }
        // √0 is finite, and its slope is not.
        #expect(
            throws: TrainingError.notFinite(step: 1, place: .gradient("1 (input)"))
        ) { try roots.step() }
    }

    @Test func accumulationEqualsALargerBatch() throws {
        // Without batch norm and dropout the mean of two halves is the whole.
        func train(_ accumulation: Int) throws -> Tensor {
            var generator = SeededGenerator(seed: 8)
            let model = Linear(6, 3, using: &generator)
            let trainer = Trainer<Tensor>(
                model, [Optimizer(model, SGD(rate: 0.1))],
                TrainingOptions(steps: 1, accumulation: accumulation),
                batch: { number in
                    let all = Tensor.normal([8, 6], seed: 4)
                    let size = 8 / accumulation
                    return all.rows(number * size..<(number + 1) * size)
                }
            ) { x, context in model(x, context).squared().mean() }
            _ = try trainer.step()
            return model.weight.value
        }
        let difference = (try train(1) - train(4)).abs().max().item
        // Sums of 24 products of size 1 in another order, times the rate of 0.1.
        #expect(difference < 1e-6)
    }

    @Test func refusesACheckpointOfAnotherModel() throws {
        let path = temporary()
        defer { try? FileManager.default.removeItem(atPath: path) }
        _ = try trainer(steps: 3).train(in: open(path), progress: .silent)
        var generator = SeededGenerator(seed: 8)
        let other = Linear(6, 3, using: &generator)
        let stranger = Trainer<Int>(
            other, [Optimizer(other, SGD(rate: 0.1))], TrainingOptions(steps: 3), batch: { $0 }
        ) { _, context in other(.zeros([1, 6]), context).sum() }
        let error = #expect(throws: TrainingError.self) {
            try stranger.train(in: open(path), progress: .silent)
        }
        #expect("\(error!)".contains("weight: not there"), "\(error!)")
    }
}
