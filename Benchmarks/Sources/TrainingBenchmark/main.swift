// Measures how fast networks train, to be set beside Tests/Reference/throughput_torch.py, which
// trains the same ones: a language model of 11.2 million parameters, and ResNet-20.
//
//   swift run -c release --package-path Benchmarks TrainingBenchmark language|images
//       [--threads N] [--steps K] [--warmup W] [--batch B]
//
// Prints one JSON object: the median and the quartiles of the time of a step after warm-up, steps
// and tokens or images per second, and the peak memory of the process as Linux reports it. A step
// is all of it: forward, backward, clipping (language), optimizer. Batches lie ready in memory.
import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor

var steps = 30
var warmup = 5
var batch: Int?
var threads: Int?
var arguments = CommandLine.arguments.dropFirst()
let workload = arguments.popFirst() ?? ""
while let argument = arguments.popFirst() {
    guard let value = arguments.popFirst().flatMap({ Int($0) }) else { refuse("\(argument) what?") }
    switch argument {
    case "--steps": steps = value
    case "--warmup": warmup = value
    case "--batch": batch = value
    case "--threads": threads = value
    default: refuse("unknown argument \(argument)")
    }
}

let job: Job
switch workload {
case "language": job = languageJob(batch: batch ?? 8)
case "images": job = imagesJob(batch: batch ?? 128)
default: refuse("language or images?")
}
let pool = threads.map { WorkerPool(threads: $0) } ?? .shared
WorkerPool.$current.withValue(pool) {
    var times: [Double] = []
    var losses: [Float] = []
    let clock = ContinuousClock()
    for step in 0..<warmup + steps {
        let elapsed = clock.measure { losses.append(job.step(step)) }
        if step >= warmup { times.append(elapsed / .seconds(1)) }
    }
    guard losses.allSatisfy(\.isFinite) else { refuse("a loss is not a number") }
    let sorted = times.sorted()
    let median = sorted[sorted.count / 2]
    let result = Result(
        workload: workload, threads: pool.threadCount, parameters: job.parameters,
        steps: steps, secondsPerStep: median,
        quartiles: [sorted[sorted.count / 4], sorted[sorted.count * 3 / 4]],
        fastest: sorted[0], stepsPerSecond: 1 / median,
        unitsPerSecond: Double(job.units) / median, unit: job.unit, peakBytes: peakBytes(),
        losses: [losses[0], losses[losses.count - 1]])
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    print(String(decoding: (try? encoder.encode(result)) ?? Data(), as: UTF8.self))
}

/// What is printed.
struct Result: Encodable {
    var program = "halftone"
    let workload: String
    let threads: Int
    let parameters: Int
    let steps: Int
    let secondsPerStep: Double
    let quartiles: [Double]
    let fastest: Double
    let stepsPerSecond: Double
    let unitsPerSecond: Double
    let unit: String
    let peakBytes: Int
    let losses: [Float]
}

/// A network with its batches.
struct Job {
    let parameters: Int
    let unit: String
    /// Of a step.
    let units: Int
    /// Takes a step and gives its loss.
    let step: (Int) -> Float
}

/// AdamW on a model of the Llama architecture.
func languageJob(batch: Int) -> Job {
    let length = 256
    var generator = SeededGenerator(seed: 1)
    let model = LlamaNetwork(
        .init(
            vocabularySize: 4096, width: 320, layers: 8, heads: 5, hiddenWidth: 864,
            contextLength: length), using: &generator)
    func group(_ decay: Float, _ isMatrix: Bool) -> ParameterGroup {
        ParameterGroup(
            model, Adam.decoupled(rate: 1e-3, secondDecay: 0.95, weightDecay: decay)
        ) { _, parameter in (parameter.shape.count > 1) == isMatrix }
    }
    let optimizer = Optimizer([group(0.1, true), group(0, false)])
    let batches = (0..<16).map { _ in
        (0..<2).map { _ in
            IndexTensor(
                shape: [batch, length],
                elements: (0..<batch * length).map { _ in .random(in: 0..<4096, using: &generator) }
            )
        }
    }
    return Job(parameters: model.parameterCount, unit: "tokens", units: batch * length) { step in
        let pair = batches[step % batches.count]
        let context = ForwardContext(model, isTraining: true)
        let loss = Loss.crossEntropy(model(pair[0], context), pair[1])
        let value = loss.item
        var gradients = context.gradients(of: loss)
        gradients.clip(toNorm: 1)
        optimizer.step(gradients)
        return value
    }
}

/// SGD on ResNet-20 for images of 32 × 32.
func imagesJob(batch: Int) -> Job {
    var generator = SeededGenerator(seed: 1)
    let model = ResidualNetwork(using: &generator)
    let optimizer = Optimizer(model, SGD(rate: 0.05, momentum: 0.9, weightDecay: 5e-4))
    let batches = (0..<8).map { _ in
        (
            Tensor.normal([batch, 3, 32, 32], using: &generator),
            IndexTensor((0..<batch).map { _ in .random(in: 0..<10, using: &generator) })
        )
    }
    return Job(parameters: model.parameterCount, unit: "images", units: batch) { step in
        let (images, classes) = batches[step % batches.count]
        let context = ForwardContext(model, isTraining: true)
        let loss = Loss.crossEntropy(model(images, context), classes)
        let value = loss.item
        optimizer.step(context.gradients(of: loss))
        context.applyBufferUpdates()
        return value
    }
}

/// Peak resident memory of this process; 0 where the system does not say.
func peakBytes() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let number = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return (number ?? 0) * 1024
}

/// Says what is wrong with the arguments, and leaves.
func refuse(_ message: String) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(64)
}
