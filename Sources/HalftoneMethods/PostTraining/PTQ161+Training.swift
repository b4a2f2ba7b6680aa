import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

extension PTQ161 {
    /// Stores the linear layers of all blocks, with scales trained block by block.
    ///
    /// Each block is trained on the inputs that it has behind the stored blocks before it, towards
    /// two targets: what the float model has after the block, and what the float block makes of the
    /// same inputs. The loss adds for both the mean squared error and the negative logarithm of the
    /// mean cosine of tokens.
    ///
    /// - Parameters:
    ///   - weights: The float model, of the Llama family.
    ///   - texts: Tokens to calibrate on, one text in each step.
    ///   - progress: Called after each block with its number and the mean losses of the epochs.
    /// - Returns: The matrices by role.
    /// - Throws: `ModelError` for a model outside that family, and `QuantizationError`.
    public func trained(
        _ weights: DecoderWeights, texts: [[Int32]], progress: (Int, [Float]) -> Void = { _, _ in }
    ) throws -> [Role: StoredMatrix] {
        precondition(!texts.isEmpty, "there is text to calibrate on")
        let float = try LlamaNetwork(weights)
        let packed = try LlamaNetwork(weights)
        packed.freeze()
        var result: [Role: StoredMatrix] = [:]
        var inputs = texts.map { text in
            float.embedding(IndexTensor(shape: [1, text.count], elements: text), ForwardContext())
        }
        var packedInputs = inputs
        for (index, block) in float.blocks.enumerated() {
            let statistics = BlockStatistics(float, block: index, weights.spec)
            let targets = inputs.map { block($0, statistics.context()) }
            let sameInputs = packedInputs.map { block($0, ForwardContext()) }
            let student = packed.blocks[index]
            var layers: [Role: (layer: Linear, signs: TrainedSigns)] = [:]
            for (role, statistics) in statistics.found {
                guard let layer = student.linear(role.part) else { continue }
                let parts = try parts(weights.matrix(role), activations(statistics))
                let signs = TrainedSigns(parts, trainsFactors: trainsFactors)
                layer.weightTransform = signs
                layers[role] = (layer, signs)
            }
            let losses = train(student, packedInputs, targets, sameInputs)
            for (role, (layer, signs)) in layers {
                let stored = try signs.trained.stored()
                result[role] = stored
                layer.weightTransform = nil
                layer.weight.set(Tensor(shape: layer.weight.shape, elements: try stored.decoded()))
            }
            inputs = targets
            packedInputs = packedInputs.map { student($0, ForwardContext()) }
            progress(index, losses)
        }
        return result
    }

    /// Trains the scales of a block; gives the mean loss of each epoch.
    private func train(
        _ block: LlamaBlock, _ inputs: [Tensor], _ targets: [Tensor], _ sameInputs: [Tensor]
    ) -> [Float] {
        let optimizer = Optimizer([
            ParameterGroup(block, Adam(rate: scaleRate)) { path, _ in
                path.hasSuffix("weight_transform.scales")
            },
            ParameterGroup(block, Adam(rate: factorRate)) { path, _ in
                path.hasSuffix("weight_transform.row_factors")
                    || path.hasSuffix("weight_transform.column_factors")
            },
        ])
        return (0..<epochs).map { _ in
            var sum: Float = 0
            for (index, input) in inputs.enumerated() {
                let pass = ForwardContext(isTraining: true)
                let output = block(input, pass)
                let loss =
                    Self.loss(output, targets[index]) + Self.loss(output, sameInputs[index])
                sum += loss.item
                optimizer.step(pass.gradients(of: loss))
            }
            return sum / Float(inputs.count)
        }
    }

    /// The mean squared error less the logarithm of the mean cosine of tokens.
    ///
    /// - Parameters:
    ///   - output: `[…, width]`.
    ///   - target: In the same shape; no gradient flows to it.
    public static func loss(_ output: Tensor, _ target: Tensor) -> Tensor {
        let target = target.stopGradient()
        let product = (output * target).sum(axes: [-1])
        let sizes = output.squared().sum(axes: [-1]) * target.squared().sum(axes: [-1])
        let cosine = product * Tensor.maximum(sizes, Tensor(1e-16)).reciprocalSquareRoot()
        return (output - target).squared().mean() - cosine.mean().abs().log()
    }
}

/// What flows into the linear layers of a float block.
private final class BlockStatistics {
    /// By role.
    private(set) var found: [Role: InputStatistics] = [:]

    private let network: LlamaNetwork
    private var roles: [String: Role] = [:]

    init(_ network: LlamaNetwork, block index: Int, _ spec: DecoderSpec) {
        self.network = network
        let paths = ForwardContext(network)
        for role in spec.slots.map(\.role) where role.block == index && role.isLinear {
            if let layer = network.linear(role) { roles[paths.path(of: layer)] = role }
        }
    }

    /// A pass that is taken into account.
    func context() -> ForwardContext {
        let context = ForwardContext(network)
        context.hook { [self] activation, site in
            if site.name == "input", let role = roles[site.path] { add(activation, role) }
            return nil
        }
        return context
    }

    private func add(_ activation: Tensor, _ role: Role) {
        let width = activation.shape[activation.rank - 1]
        found[role, default: InputStatistics(width: width, detail: .features)]
            .add(activation.reshaped([-1, width]))
    }
}

/// Stands in for a layer's weight: codes and signs that stay, and scales that are trained.
///
/// Checkpoint names: `scales` `[outFeatures, 1]`, `row_factors` `[outFeatures, 1]`,
/// `column_factors` `[1, inFeatures]`.
private final class TrainedSigns: WeightTransform {
    let scales: Parameter
    let rowFactors: Parameter
    let columnFactors: Parameter

    private let start: SalientSigns
    /// The four-bit columns, 0 elsewhere, `[outFeatures, inFeatures]`.
    private let salient: Tensor
    /// ±1, 0 in salient columns.
    private let signs: Tensor
    /// `μ`, `[outFeatures, 1]`.
    private let means: Tensor
    /// 0 in salient columns and 1 elsewhere, `[1, inFeatures]`.
    private let isRest: Tensor

    init(_ start: SalientSigns, trainsFactors: Bool) {
        self.start = start
        let (rows, columns) = (start.rows, start.columns)
        var salient = [Float](repeating: 0, count: rows * columns)
        var signs = salient
        for row in 0..<rows {
            for (place, column) in start.salient.enumerated() {
                let code = Float(start.codes[row * start.salient.count + place])
                salient[row * columns + column] =
                    start.steps[row] * (code - Float(start.zeros[row]))
            }
            for (place, column) in start.rest.enumerated() {
                let isPositive = start.signs[row * start.rest.count + place] == 1
                signs[row * columns + column] = isPositive ? 1 : -1
            }
        }
        var isRest = [Float](repeating: 0, count: columns)
        for column in start.rest { isRest[column] = 1 }
        self.salient = Tensor(shape: [rows, columns], elements: salient)
        self.signs = Tensor(shape: [rows, columns], elements: signs)
        means = Tensor(shape: [rows, 1], elements: start.means)
        self.isRest = Tensor(shape: [1, columns], elements: isRest)
        scales = Parameter(Tensor(shape: [rows, 1], elements: start.scales))
        rowFactors = Parameter(.filled([rows, 1], with: 1), isTrainable: trainsFactors)
        columnFactors = Parameter(.filled([1, columns], with: 1), isTrainable: trainsFactors)
    }

    var parts: Parts {
        ["scales": scales, "row_factors": rowFactors, "column_factors": columnFactors]
    }

    var replacesWeight: Bool { true }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let rows = signs * context.value(of: scales) + means
        let factors = context.value(of: columnFactors) * isRest
        return salient + rows * context.value(of: rowFactors) * factors
    }

    /// The numbers as they are by now.
    var trained: SalientSigns {
        var result = start
        result.scales = Array(scales.value.elements)
        result.rowFactors = Array(rowFactors.value.elements)
        let factors = columnFactors.value.elements
        result.columnFactors = start.rest.map { factors[$0] }
        return result
    }
}
