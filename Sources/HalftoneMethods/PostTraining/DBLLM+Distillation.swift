import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// How the scales of planes are trained against the float model's predictions; see ``DBLLM``.
///
/// The loss of a token is the cross-entropy of the model's prediction under the float model's,
/// times `E_t^g · E_s^(1−g)`, where `E_t` and `E_s` are the entropies of the two: tokens that either
/// finds ambiguous count more.
///
/// Source: H. Chen et al., arXiv:2402.11960, section 3.3. The exponent is not given in what could
/// be read of the paper, so ½ treats both alike; the weight is taken as a constant, and the loss on
/// the text's own tokens is left out.
public struct ScaleDistillation: Sendable, Hashable, Codable {
    /// `g`, the share of the float model's entropy in a token's weight; nil weighs all alike.
    public var teacherShare: Float? = 0.5

    /// Steps of Adam.
    public var steps = 300

    /// Texts in a step.
    public var batch = 2

    /// The rate for the logarithms of scales, which falls to 0 as a cosine.
    public var rate = 1e-2

    /// The rate for the weights below the planes; nil keeps them.
    public var weightRate: Double?

    /// Draws the order of the texts.
    public var seed: UInt64 = 1

    /// The settings with which the method is measured.
    public init() {}

    /// The loss of each token.
    ///
    /// - Parameters:
    ///   - logits: The trained model's, `[…, vocabulary]`.
    ///   - teacher: The float model's, in the same shape; no gradient flows to them.
    /// - Returns: `[…]`, in nats or, with a weight, nats squared.
    public func losses(_ logits: Tensor, teacher: Tensor) -> Tensor {
        let log = logits.logSoftmax()
        let teacherLog = teacher.stopGradient().logSoftmax()
        let target = teacherLog.exp()
        let losses = -(target * log).sum(axes: [-1])
        guard let teacherShare else { return losses }
        let weight = PredictionLoss.ambiguity(
            log.stopGradient(), teacherLog, floatShare: teacherShare)
        return losses * weight.squeezed(-1)
    }
}

/// Gives a layer planes of bits in place of its weight, with scales that can be trained.
///
/// `a₂ = −exp q` and `a₁ = exp p + exp q`, or both with the other sign, so that the levels keep
/// their order. Planes follow weight and scales. Gradients: `b₁` for `a₁`, `b₂` for `a₂`, and the
/// rounding passes them to the weight as they are.
///
/// Checkpoint names: `gap`, `low`.
public final class DualBinaryWeight: WeightTransform {
    /// `p = log(|a₁| − |a₂|)` of each group.
    public let gap: Parameter
    /// `q = log |a₂|` of each group.
    public let low: Parameter

    private let start: DualBinaryPlanes
    private let signs: Tensor

    /// Starts with the scales of planes.
    public init(_ start: DualBinaryPlanes) {
        let sizes = zip(start.first, start.second).map { ($0.magnitude, $1.magnitude) }
        let count = [start.first.count]
        // Groups of zeros have the least scales.
        gap = Parameter(
            Tensor(shape: count, elements: sizes.map { log(max($0 - $1, 1e-7)) }))
        low = Parameter(Tensor(shape: count, elements: sizes.map { log(max($1, 1e-7)) }))
        signs = Tensor(shape: count, elements: start.first.map { $0 < 0 ? -1 : 1 })
        self.start = start
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { ["gap": gap, "low": low] }

    /// The values of the planes, `[outFeatures, inFeatures]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let (first, second) = scales(context.value(of: gap), context.value(of: low))
        let planes = rounded(x, first, second)
        let value = Tensor(shape: x.shape, elements: planes.values)
        let shape = gap.shape
        return Tensor.custom([x, first, second], value: value) { upstream in
            let (one, two) = planes.sums(of: upstream.elements)
            return [
                upstream, Tensor(shape: shape, elements: one), Tensor(shape: shape, elements: two),
            ]
        }
    }

    /// The planes of a weight with the scales as 16 bits keep them; groups whose scales would be out
    /// of order then keep those that they started with.
    public func planes(of weight: Tensor) -> DualBinaryPlanes {
        let (first, second) = scales(gap.value, low.value)
        var planes = start
        planes.setScales(Array(first.elements), Array(second.elements))
        planes.round(Array(weight.elements))
        return planes
    }

    private func scales(_ gap: Tensor, _ low: Tensor) -> (Tensor, Tensor) {
        let small = low.exp()
        return ((gap.exp() + small) * signs, small * signs * -1)
    }

    private func rounded(_ x: Tensor, _ first: Tensor, _ second: Tensor) -> DualBinaryPlanes {
        DualBinaryPlanes(
            rounding: Array(x.elements), rows: x.shape[0], columns: x.shape[1],
            groupSize: start.groupSize, first: Array(first.elements), second: Array(second.elements)
        )
    }
}

extension DualBinaryPlanes {
    /// The sums of numbers where a plane has its bits, for each group: the gradients of scales.
    func sums(of upstream: FloatArray) -> (first: [Float], second: [Float]) {
        let perRow = (columns + groupSize - 1) / groupSize
        var one = [Float](repeating: 0, count: first.count)
        var two = one
        for row in 0..<rows {
            for part in 0..<perRow {
                let start = row * columns + part * groupSize
                var (a, b): (Float, Float) = (0, 0)
                for place in start..<min(start + groupSize, (row + 1) * columns) {
                    let code = codes[place]
                    if code & 1 != 0 { a += upstream[place] }
                    if code & 2 != 0 { b += upstream[place] }
                }
                one[row * perRow + part] = a
                two[row * perRow + part] = b
            }
        }
        return (one, two)
    }
}

extension DBLLM {
    /// Trains the scales of planes so that the model predicts what the float model does.
    ///
    /// - Parameters:
    ///   - start: Matrices in dual-binary form, as the method stores them.
    ///   - weights: The float model, of the Llama family.
    ///   - texts: Tokens, all equally long; the paper takes what the float model writes.
    ///   - settings: Loss, steps and rates.
    ///   - progress: Called after each step with the mean loss of its tokens.
    /// - Returns: The matrices with trained scales.
    /// - Throws: `ModelError` for a model outside that family, and `QuantizationError`.
    public static func distilled(
        _ start: [Role: StoredMatrix], of weights: DecoderWeights, texts: [[Int32]],
        settings: ScaleDistillation, progress: (Int, Float) -> Void = { _, _ in }
    ) throws -> [Role: StoredMatrix] {
        let length = texts.first?.count ?? 0
        precondition(length > 0 && texts.allSatisfy { $0.count == length }, "texts of one length")
        let teacher = try LlamaNetwork(weights)
        let student = try LlamaNetwork(weights)
        student.freeze()
        var transforms: [Role: (layer: Linear, scales: DualBinaryWeight)] = [:]
        for (role, stored) in start {
            guard let layer = student.linear(role) else { continue }
            let scales = DualBinaryWeight(try DualBinaryPlanes(stored))
            layer.weightTransform = scales
            layer.weight.isTrainable = settings.weightRate != nil
            transforms[role] = (layer, scales)
        }
        let schedule = Schedule.cosine(count: settings.steps)
        func isScale(_ path: String) -> Bool { path.contains("weight_transform") }
        var groups = [
            ParameterGroup(student, Adam(rate: settings.rate), schedule: schedule) { path, _ in
                isScale(path)
            }
        ]
        if let rate = settings.weightRate {
            groups.append(
                ParameterGroup(student, Adam(rate: rate), schedule: schedule) { path, parameter in
                    !isScale(path) && parameter.isTrainable
                })
        }
        let optimizer = Optimizer(groups)
        var generator = SeededGenerator(seed: settings.seed)
        var order: [Int] = []
        for step in 0..<settings.steps {
            while order.count < settings.batch {
                order += texts.indices.shuffled(using: &generator)
            }
            let chosen = order.prefix(settings.batch).flatMap { texts[$0] }
            order.removeFirst(settings.batch)
            let tokens = IndexTensor(shape: [settings.batch, length], elements: chosen)
            let pass = ForwardContext(student, isTraining: true)
            let loss = settings.losses(
                student(tokens, pass), teacher: teacher(tokens, ForwardContext())
            ).mean()
            progress(step, loss.item)
            optimizer.step(pass.gradients(of: loss))
        }
        var result = start
        for (role, (layer, scales)) in transforms {
            result[role] = try scales.planes(of: layer.weight.value).stored()
        }
        return result
    }
}
