import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Planes, thresholds, fits and the loss, held to the paper's formulas.
@Suite struct DBLLMTests {
    private static let pool = WorkerPool(threads: 2)

    @Test(
        "levels and thresholds are those of the formulas, ties included", arguments: [Float(1), -1])
    func thresholds(sign: Float) {
        // a₁ = 2, a₂ = −1: levels −1, 0, 1, 2 with thresholds −½, ½, 3/2. At a threshold
        // H(0) = 1 sets the bit: b₂ at −½ and 3/2, b₁ at ½.
        let weights: [Float] = [-3, -1, -0.5, -0.49, 0, 0.49, 0.5, 1, 1.5, 1.51, 2, 9]
        let expected: [Float] = [-1, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2]
        let planes = DualBinaryPlanes(
            rounding: weights.map { sign * $0 }, rows: 1, columns: 12, groupSize: 12,
            first: [2 * sign], second: [-sign])
        #expect(planes.values == expected.map { sign * $0 })
        #expect(planes.codes == [2, 2, 2, 0, 0, 0, 3, 3, 3, 1, 1, 1])
        #expect(planes.zeroShares.first == 0.5 && planes.zeroShares.second == 0.5)
    }

    @Test("what is stored is two bits a weight and two halves a group, and comes back")
    func stored() throws {
        let weight = Tensor.normal([5, 100], seed: 3)
        let stored = try DBLLM(groupSize: 32, fit: .weights).stored(
            weight.weightMatrix(), inputs: nil, pool: Self.pool)
        #expect(stored.byteCount == 5 * 25 + 5 * 4 * 4)
        let planes = try DualBinaryPlanes(stored)
        #expect(try stored.decoded() == planes.values)
        #expect(try planes.stored().decoded() == planes.values)
        #expect(
            try DBLLM().stored(
                Tensor.zeros([2, 70]).weightMatrix(), inputs: nil, pool: Self.pool
            ).decoded() == [Float](repeating: 0, count: 140))
        let other = try StoredMatrix([1, 2], rows: 1, columns: 2, form: .complexUnits)
        #expect(throws: QuantizationError.self) { try DualBinaryPlanes(other) }
    }

    @Test("on normal numbers tied scales leave 0.149 of the variance and free ones 0.139")
    func normalNumbers() throws {
        let normals = Tensor.normal([1, 1 << 16], seed: 8)
        let power = normals.elements.reduce(0) { $0 + Double($1) * Double($1) }
        func measured(_ fit: DBLLM.Fit) throws -> (planes: DualBinaryPlanes, error: Double) {
            let stored = try DBLLM(groupSize: 1 << 16, fit: fit).stored(
                normals.weightMatrix(), inputs: nil, pool: Self.pool)
            let planes = try DualBinaryPlanes(stored)
            let error = zip(normals.elements, planes.values).reduce(0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }
            return (planes, error / power)
        }
        let (tied, free) = (try measured(.tied), try measured(.weights))
        // Integrals over the normal density; 2¹⁶ draws move such a mean by about 0.001.
        #expect((tied.error - 0.149).magnitude < 0.003, "\(tied.error)")
        #expect((free.error - 0.139).magnitude < 0.003, "\(free.error)")
        #expect((tied.planes.zeroShares.first - 0.70).magnitude < 0.01)
        #expect((tied.planes.zeroShares.second - 0.46).magnitude < 0.01)
        // The least error is at 1.91 and −1.16, and is flat there: 2.0 and −1.2 have 0.0005 more.
        #expect((free.planes.first[0].magnitude - 1.91).magnitude < 0.25)
        #expect((free.planes.second[0].magnitude - 1.16).magnitude < 0.15)
    }

    @Test("scales by outputs lower the outputs' error")
    func outputs() throws {
        let mixing = Tensor.normal([48, 48], seed: 1)
        let inputs = Tensor.normal([400, 48], seed: 2).matmul(mixing)
        var statistics = InputStatistics(width: 48)
        statistics.add(inputs, pool: Self.pool)
        let weight = Tensor.normal([20, 48], seed: 4)
        func error(_ fit: DBLLM.Fit) throws -> Double {
            let stored = try DBLLM(groupSize: 16, fit: fit).stored(
                weight.weightMatrix(), inputs: statistics, pool: Self.pool)
            let rest = Tensor(shape: [20, 48], elements: try stored.decoded()) - weight
            return inputs.matmul(rest.transposed()).elements.reduce(0) {
                $0 + Double($1) * Double($1)
            }
        }
        // The first turn takes the scales of least squares for the planes that weights gave.
        #expect(try error(.outputs) < error(.weights))
        #expect(try error(.weights) < error(.tied))
    }

    @Test("gradients of scales are the planes, those of weights pass")
    func gradients() throws {
        let weight = Tensor.normal([3, 20], seed: 5)
        let stored = try DBLLM(groupSize: 8, fit: .weights).stored(
            weight.weightMatrix(), inputs: nil, pool: Self.pool)
        let transform = DualBinaryWeight(try DualBinaryPlanes(stored))
        let upstream = Tensor.normal([3, 20], seed: 6)
        func sum() -> Double {
            zip(transform(weight, ForwardContext()).elements, upstream.elements).reduce(0) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
        let pass = ForwardContext(isTraining: true)
        let tracked = weight.tracked()
        let result = (transform(tracked, pass) * upstream).sum()
        #expect(result.gradient(for: tracked) == upstream)
        let gradients = pass.gradients(of: (transform(weight, pass) * upstream).sum())
        for parameter in [transform.gap, transform.low] {
            let gradient = try #require(gradients[parameter])
            let before = parameter.value
            for index in 0..<before.count {
                // No weight lies within 1e-4 of a threshold, so that planes stay.
                var moved = before
                moved[index] = before[index] + 1e-4
                parameter.set(moved)
                let up = sum()
                moved[index] = before[index] - 1e-4
                parameter.set(moved)
                let slope = (up - sum()) / 2e-4
                parameter.set(before)
                // Sums of 20 float32 products over a difference of 2e-4.
                #expect(abs(slope - Double(gradient.elements[index])) < 0.02, "\(index)")
            }
        }
    }

    @Test("a token's loss is the soft cross-entropy times the entropies' powers")
    func loss() throws {
        let (student, teacher): ([Double], [Double]) = ([0.2, -1, 2], [1, 0, -0.5])
        func softmax(_ x: [Double]) -> [Double] {
            let sum = x.reduce(0) { $0 + exp($1) }
            return x.map { exp($0) / sum }
        }
        let (p, q) = (softmax(teacher), softmax(student))
        func entropy(_ p: [Double]) -> Double { -p.reduce(0) { $0 + $1 * log($1) } }
        let cross = -zip(p, q).reduce(0) { $0 + $1.0 * log($1.1) }
        let weight = pow(entropy(p), 0.25) * pow(entropy(q), 0.75)
        let logits = Tensor(shape: [1, 3], elements: student.map { Float($0) }).tracked()
        let reference = Tensor(shape: [1, 3], elements: teacher.map { Float($0) })
        var settings = ScaleDistillation()
        settings.teacherShare = 0.25
        let loss = settings.losses(logits, teacher: reference)
        #expect(abs(Double(loss.item) - weight * cross) < 1e-5)
        // The weight is a constant: its gradient is that of the cross-entropy.
        for (found, (q, p)) in zip(loss.sum().gradient(for: logits).elements, zip(q, p)) {
            #expect(abs(Double(found) - weight * (q - p)) < 1e-5)
        }
        settings.teacherShare = nil
        #expect(abs(Double(settings.losses(logits, teacher: reference).item) - cross) < 1e-5)
    }

    @Test("training scales lowers the loss, whatever order the matrices come in")
    func distillation() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/Models/llama2")
        let weights = try LanguageModel(path: folder.path, readsTokenizer: false).weights
        var start: [Role: StoredMatrix] = [:]
        for role in weights.spec.slots.map(\.role) where role.isLinear && role.block != nil {
            start[role] = try DBLLM(groupSize: 16, fit: .tied).stored(
                weights.matrix(role), inputs: nil, pool: Self.pool)
        }
        let texts: [[Int32]] = (0..<4).map { (text: Int32) in
            (0..<24).map { (place: Int32) in (place * 7 + text * 31) % 96 }
        }
        var settings = ScaleDistillation()
        settings.steps = 60
        settings.batch = 4
        settings.teacherShare = nil
        func train() throws -> (values: [Role: [Float]], losses: [Float]) {
            var losses: [Float] = []
            let trained = try DBLLM.distilled(
                start, of: weights, texts: texts, settings: settings
            ) { losses.append($1) }
            return (try trained.mapValues { try $0.decoded() }, losses)
        }
        let (first, second) = (try train(), try train())
        #expect(first.values == second.values && first.losses == second.losses)
        // All four texts are in each step, so that only scales change the loss.
        #expect(first.losses[59] < first.losses[0])
        #expect(first.values.count == start.count)
        #expect(first.values[Role(.up, block: 0)] != (try start[Role(.up, block: 0)]?.decoded()))
    }
}
