import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor
import Testing

/// Paths, hooks, snapshots, freezing and the seams of layers.
struct ModuleTests {
    private func network() -> Sequential {
        var generator = SeededGenerator(seed: 3)
        return Sequential([
            Linear(6, 5, using: &generator), ActivationLayer(.relu),
            Linear(5, 2, using: &generator),
        ])
    }

    @Test func pathsAreThoseOfCheckpoints() {
        var generator = SeededGenerator(seed: 3)
        let shape = LlamaNetwork.Shape(
            vocabularySize: 11, width: 8, layers: 2, heads: 2, keyHeads: 1, hiddenWidth: 12)
        let model = LlamaNetwork(shape, using: &generator)
        let block = [
            "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight",
            "self_attn.v_proj.weight", "self_attn.o_proj.weight", "post_attention_layernorm.weight",
            "mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight",
        ]
        let expected =
            ["model.embed_tokens.weight"]
            + (0..<2).flatMap { layer in block.map { "model.layers.\(layer).\($0)" } }
            + ["model.norm.weight"]
        #expect(model.namedParameters.map(\.path) == expected)
        #expect(model.parameter(at: "model.layers.1.self_attn.k_proj.weight")?.shape == [4, 8])
        let residual = ResidualNetwork(using: &generator)
        let paths = Set(residual.namedParameters.map(\.path))
        #expect(paths.contains("layers.3.downsample.0.weight"))
        #expect(paths.contains("layers.8.bn2.bias"))
        // K. He et al.: ResNet-20 has 0.27 M parameters; with projections 0.272 M.
        #expect(residual.parameterCount == 272_474)
    }

    @Test func aSnapshotPutsEverythingBack() throws {
        let model = network()
        let before = model.snapshot
        for parameter in model.parameters { parameter.set(parameter.value * 2) }
        #expect(model.snapshot != before)
        try model.restore(before)
        #expect(model.snapshot == before)
        var broken = before
        broken["0.weight"] = .zeros([1])
        broken["2.bias"] = nil
        let error = #expect(throws: ModuleError.self) { try model.restore(broken) }
        #expect(
            error
                == .doesNotFit([
                    "0.weight: shape [1] is there and shape [5, 6] is wanted".replacing(
                        "and shape", with: "and"),
                    "2.bias: not there; shape [2] is wanted",
                ]))
        #expect(model.snapshot == before)
    }

    @Test func hooksReadAndReplace() {
        let model = network()
        let x = Tensor.normal([3, 6], seed: 5)
        let plain = model(x, ForwardContext(model))
        var seen: [String] = []
        let context = ForwardContext(model)
        context.hook { _, site in
            seen.append(site.description)
            return nil
        }
        #expect(model(x, context) == plain)
        #expect(
            seen == [
                "input", "0 (input)", "0 (weight)", "0 (output)", "1 (input)", "1 (output)",
                "2 (input)", "2 (weight)", "2 (output)", "output",
            ])
        let replaced = ForwardContext(model)
        replaced.hook(at: "1") { $0 * 0 }
        #expect(model(x, replaced) == Tensor.zeros([3, 2]) + bias(model))
        let starred = ForwardContext(model)
        starred.hook(at: "*", "weight") { $0 * 0 }
        #expect(model(x, starred) == Tensor.zeros([3, 2]) + bias(model))
    }

    private func bias(_ model: Sequential) -> Tensor {
        model.parameter(at: "2.bias")!.value
    }

    @Test func gradientsAreAskedForTrainableParametersOnly() throws {
        let model = network()
        #expect(model.freeze { $0.hasPrefix("0.") } == 2)
        let context = ForwardContext(model, isTraining: true)
        let loss = model(.normal([3, 6], seed: 5), context).squared().mean()
        let gradients = context.gradients(of: loss)
        #expect(gradients.parameters.count == 2)
        let frozen = try #require(model.parameter(at: "0.weight"))
        #expect(gradients[frozen] == nil)
        #expect(ForwardContext(model).recordsGradients == false)
    }

    @Test func clippingKeepsTheDirection() throws {
        let parameter = Parameter(.zeros([2]))
        var gradients = Gradients([(parameter, Tensor(shape: [2], elements: [3, 4]))])
        #expect(gradients.clip(toNorm: 10) == 5)
        #expect(gradients[parameter] == Tensor(shape: [2], elements: [3, 4]))
        #expect(gradients.clip(toNorm: 1) == 5)
        let clipped = try #require(gradients[parameter])
        // 1 / (5 + 1e-6) of each, one rounding of the factor and one of the product.
        #expect((clipped[0] - 0.6).magnitude < 3e-7 && (clipped[1] - 0.8).magnitude < 3e-7)
        gradients += Gradients([(parameter, Tensor(shape: [2], elements: [1, 1]))])
        #expect((try #require(gradients[parameter])[0] - 1.6).magnitude < 5e-7)
    }

    @Test func firstNonFiniteNamesAParameter() {
        let (good, bad) = (Parameter(.zeros([9])), Parameter(.zeros([40_000])))
        var broken = Tensor.zeros([40_000])
        broken[39_999] = .nan
        let gradients = Gradients([(good, .filled([9], with: 3e38)), (bad, broken)])
        #expect(gradients.firstNonFinite === bad)
    }

    /// A transform whose weight is a scale times the sign of the stored one.
    private final class SignTransform: WeightTransform {
        let scale = Parameter(Tensor(0.5))
        let replacesWeight: Bool
        init(replacesWeight: Bool = false) { self.replacesWeight = replacesWeight }
        var parts: Parts { ["scale": scale] }
        func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
            x.sign() * context.value(of: scale)
        }
    }

    /// Halves operands of the gradient of the weight.
    private final class HalvingRule: ProductRule {
        var parts: Parts { [:] }
        func compute(
            _ product: some Product, _ input: Tensor, _ weight: Tensor, _ context: ForwardContext
        ) -> Tensor {
            let (x, w) = (input.stopGradient(), weight.stopGradient())
            return .custom([input, weight], value: product.value(x, w)) { upstream in
                [
                    product.inputGradient(upstream, w, shape: x.shape),
                    product.weightGradient(upstream, x * 0.5, shape: w.shape),
                ]
            }
        }
    }

    @Test func transformsBringTheirParameters() throws {
        let model = network()
        let first = try #require(model.layers[0] as? Linear)
        let transform = SignTransform()
        first.weightTransform = transform
        #expect(model.parameter(at: "0.weight_transform.scale") === transform.scale)
        let x = Tensor.normal([3, 6], seed: 5)
        let context = ForwardContext(model, isTraining: true)
        let found = first(x, context)
        let expected = x.matmul(first.weight.value.sign() * 0.5, transposingSecond: true)
        #expect(found == expected + (try #require(first.bias)).value)
        #expect(context.gradients(of: found.sum())[transform.scale] != nil)
        first.weightTransform = SignTransform(replacesWeight: true)
        #expect(model.parameter(at: "0.weight") == nil)
    }

    @Test func aProductRuleSeesTheThreeSitesApart() throws {
        var generator = SeededGenerator(seed: 2)
        let x = Tensor.normal([2, 3, 6, 6], seed: 1)
        let conv = Conv2d(3, 4, kernel: 3, stride: 2, padding: 1, using: &generator)
        let linear = Linear(6, 5, using: &generator)
        for layer in [conv, linear] as [any WeightedLayer] {
            func gradients(_ rule: (any ProductRule)?) throws -> (Tensor, Tensor) {
                layer.productRule = rule
                let context = ForwardContext(layer, isTraining: true)
                let input = x.tracked()
                let y = layer(input, context).squared().sum()
                let leaf = context.value(of: layer.weight)
                let found = y.gradients(for: [input, leaf])
                return (found[0], found[1])
            }
            let plain = try gradients(nil)
            let halved = try gradients(HalvingRule())
            #expect(halved.0 == plain.0)
            // Halving is exact in binary, as is every product and sum of halves.
            #expect(halved.1 == plain.1 * 0.5)
        }
    }

    @Test(arguments: [Dropout.Unit.element, .channel, .sample])
    func dropoutKeepsTheMean(unit: Dropout.Unit) {
        let layer = Dropout(0.25, unit: unit)
        let x = Tensor.filled([400, 20, 5], with: 1)
        let context = ForwardContext(layer, isTraining: true)
        let y = layer(x, context)
        // Kept numbers are 1 / (1 − 0.25); each unit is kept with probability 0.75, so the mean
        // has a deviation of √(0.25 · 0.75 / n) / 0.75; five of those.
        let units: Double =
            switch unit {
            case .element: 40_000
            case .channel: 8000
            case .sample: 400
            }
        let bound = 5 * (0.25 * 0.75 / units).squareRoot() / 0.75
        #expect(abs(Double(y.mean().item) - 1) < bound)
        #expect(Set(y.elements) == [0, 1 / 0.75])
        #expect(layer(x, ForwardContext(layer)) == x)
    }

    @Test func initializersHaveTheirSpread() throws {
        var generator = SeededGenerator(seed: 4)
        let shape = [200, 30, 3, 3]
        let expected: [(Initializer, Double)] = [
            (.normal(0.3), 0.09), (.xavierUniform, 2.0 / (270 + 1800)),
            (.xavierNormal, 2.0 / (270 + 1800)), (.kaimingUniform, 2.0 / 270),
            (.kaimingNormal, 2.0 / 270), (.uniformByInputs, 1.0 / (3 * 270)),
            (.truncatedNormal(1), 0.773_741),
        ]
        for (initializer, variance) in expected {
            let draws = initializer.tensor(shape, using: &generator)
            let found = Double(draws.squared().mean().item)
            // The variance of a mean of n squares is at most 2σ⁴/n for these; five deviations.
            let bound = 5 * variance * (2.0 / 54_000).squareRoot()
            #expect(abs(found - variance) < bound, "\(initializer): \(found)")
        }
        #expect(Initializer(name: "normal(0.02)") == .normal(0.02))
        #expect(Initializer(name: "xavier_uniform") == .xavierUniform)
        #expect(Initializer(name: "normal") == nil)
        #expect(Initializer(name: "best") == nil)
    }
}
