import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor
import HalftoneTesting
import Testing

/// 200 steps from the weights and batches that PyTorch took, loss by loss.
///
/// Two correct float32 programs part slowly: the fixture has a third run whose weights were moved
/// by one ulp each, which tells by how much.
struct TrainingCurveTests {
    @Test func languageModelFollowsPyTorch() throws {
        let fixture = try TrainingFixture("language", json: "training")
        let facts = try #require(fixture.json["language"])
        let sums = facts["batches"]?["tokens"]?.array?.compactMap(\.integer)
        let made = [0, 1, 199].map { step in
            TrainingStream.checksum(TrainingStream.tokens(step).joined().map(Int.init))
        }
        try #require(made == sums)
        var generator = SeededGenerator(seed: 1)
        let model = LlamaNetwork(
            .init(
                vocabularySize: 256, width: 64, layers: 2, heads: 4, keyHeads: 2, hiddenWidth: 172,
                contextLength: 64),
            using: &generator)
        try model.restore(fixture.weights(of: model))
        let schedule = Schedule.cosine(warmup: 20, count: 200, floor: 0.1)
        func group(_ decay: Float, _ isMatrix: Bool) -> ParameterGroup {
            ParameterGroup(
                model, Adam.decoupled(rate: 3e-3, secondDecay: 0.95, weightDecay: decay),
                schedule: schedule
            ) { _, parameter in (parameter.shape.count > 1) == isMatrix }
        }
        let optimizer = Optimizer([group(0.1, true), group(0, false)])
        try follow(facts, fixture, model) { step in
            let rows = TrainingStream.tokens(step)
            let inputs = IndexTensor(shape: [8, 64], elements: rows.flatMap { $0.dropLast() })
            let targets = IndexTensor(shape: [8, 64], elements: rows.flatMap { $0.dropFirst() })
            let context = ForwardContext(model, isTraining: true)
            let loss = Loss.crossEntropy(model(inputs, context), targets)
            let value = loss.item
            var gradients = context.gradients(of: loss)
            let norm = gradients.clip(toNorm: 1)
            if step == 0 {
                // The gradients as they were before clipping.
                var whole = gradients
                whole.scale(by: Float(max(1, norm + 1e-6)))
                try checkFirst(whole, model, facts)
            }
            optimizer.step(gradients)
            return (value, norm)
        }
    }

    @Test func imageClassifierFollowsPyTorch() throws {
        let fixture = try TrainingFixture("images", json: "training")
        let facts = try #require(fixture.json["images"])
        let labels = facts["batches"]?["labels"]?.array?.compactMap(\.integer)
        let pixels = facts["batches"]?["pixels"]?.array?.compactMap(\.integer)
        let batches = [0, 1, 199].map { TrainingStream.pictures($0) }
        try #require(
            batches.map { TrainingStream.checksum($0.classes.elements.map(Int.init)) } == labels)
        try #require(
            batches.map { batch in
                TrainingStream.checksum(batch.images.elements.lazy.map { Int($0 * 64) })
            } == pixels)
        var generator = SeededGenerator(seed: 1)
        let model = ConvolutionNetwork(using: &generator)
        try model.restore(fixture.weights(of: model), isPartial: true)
        let optimizer = Optimizer(
            model, SGD(rate: 0.05, momentum: 0.9, weightDecay: 5e-4),
            schedule: .cosine(warmup: 20, count: 200))
        try follow(facts, fixture, model) { step in
            let (images, classes) = TrainingStream.pictures(step)
            let context = ForwardContext(model, isTraining: true)
            let loss = Loss.crossEntropy(model(images, context), classes)
            let value = loss.item
            let gradients = context.gradients(of: loss)
            if step == 0 { try checkFirst(gradients, model, facts) }
            optimizer.step(gradients)
            context.applyBufferUpdates()
            return (value, gradients.norm)
        }
    }

    /// Trains, and compares losses and lengths of gradients as long as float32 programs agree.
    private func follow(
        _ facts: JSONValue, _ fixture: TrainingFixture, _ model: any Module,
        _ train: (Int) throws -> (loss: Float, norm: Double)
    ) throws {
        let expected = try #require(facts["losses"]?.numbers)
        let exact = try #require(facts["exactLosses"]?.numbers)
        let shaken = try #require(facts["shakenLosses"]?.numbers)
        let norms = try #require(facts["norms"]?.numbers)
        let rates = try #require(facts["rates"]?.array)
        try #require(expected.count == 200 && exact.count == 200 && rates.count == 200)
        var worst = (early: 0.0, late: 0.0, norm: 0.0)
        for step in 0..<200 {
            let (loss, norm) = try train(step)
            let distance = abs(Double(loss) / expected[step] - 1)
            if step < 50 {
                worst.early = max(worst.early, distance)
                worst.norm = max(worst.norm, abs(norm / norms[step] - 1))
            } else {
                worst.late = max(worst.late, distance)
            }
            try checkBuffers(fixture, model, step)
        }
        // How far PyTorch's own float32 runs part from each other and from float64, at most.
        let spread = (0..<200).map { step in
            let other: Double = abs(shaken[step] / expected[step] - 1)
            return max(other, abs(exact[step] / expected[step] - 1))
        }
        let late = try #require(spread.max())
        #expect(worst.early <= 1e-3)
        // Paths that part grow apart like those of PyTorch do; ten times is another sum's order.
        #expect(worst.late <= max(1e-3, 10 * late))
        #expect(worst.norm <= 1e-2)
    }

    /// Lengths, sums and first elements of the first step's gradients, by path.
    private func checkFirst(_ gradients: Gradients, _ model: any Module, _ facts: JSONValue) throws
    {
        let first = try #require(facts["first"])
        #expect(first.object?.count == model.namedParameters.count)
        for (path, parameter) in model.namedParameters {
            let found = gradients[parameter]
            let gradient = try #require(found)
            let stored = first[path]
            let length = try #require(stored?["length"]?.double)
            let head = try #require(stored?["head"]?.numbers)
            var square = 0.0
            for element in gradient.elements { square += Double(element) * Double(element) }
            // Sums of up to 16384 products in float32, in blocks: 1e-4 of the length is generous
            // to their order, and far below a forgotten term.
            #expect(abs(square.squareRoot() - length) <= 1e-4 * length, "\(path)")
            #expect(
                checkClose(
                    Array(gradient.elements.prefix(4)), head, within: 1e-4 * length, path
                ).isEmpty)
        }
    }

    /// Running statistics where the fixture has them.
    private func checkBuffers(
        _ fixture: TrainingFixture, _ model: any Module, _ step: Int
    ) throws {
        guard step < 10 else { return }
        for (path, buffer) in model.namedBuffers {
            guard let expected = fixture.tensor("after.\(step + 1).\(path)") else { continue }
            // Means and variances of 32768 numbers of size 1 and their walk of ten steps.
            #expect(
                checkClose(
                    buffer.value.elements.array, expected.elements.map(Double.init), within: 1e-4,
                    path
                ).isEmpty)
        }
    }
}

extension TrainingFixture {
    /// The stored weights of a module.
    func weights(of module: any Module) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (path, _) in module.namedParameters { result[path] = tensor(path) }
        return result
    }
}
