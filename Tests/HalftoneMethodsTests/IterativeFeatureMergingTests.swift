import HalftoneKernels
import HalftoneMethods
import HalftoneTensor
import HalftoneTesting
import Testing

/// Merging channels, against a plain reference in float64 that measures all anew after each merge.
@Suite struct IterativeFeatureMergingTests {
    private func network(_ fixture: MethodsFixture) throws -> [String: Tensor] {
        var parameters: [String: Tensor] = [:]
        for layer in 0..<3 {
            parameters["\(layer).weight"] = try fixture.tensor("weight.\(layer)")
            parameters["\(layer).bias"] = try fixture.tensor("bias.\(layer)")
        }
        return parameters
    }

    private func groups(_ parameters: [String: Tensor]) -> [ChannelGroup] {
        (0..<2).map { layer in
            ChannelGroup(
                "\(layer)", count: parameters["\(layer).weight"]!.shape[0],
                incoming: [.init("\(layer).weight"), .init("\(layer).bias")],
                outgoing: [.init("\(layer + 1).weight", axis: 1)])
        }
    }

    private func logits(_ x: Tensor, _ parameters: [String: Tensor]) -> Tensor {
        (0..<3).reduce(x) { x, layer in
            let weight = parameters["\(layer).weight"]!
            let sums = x.matmul(weight.transposed()) + parameters["\(layer).bias"]!
            return layer < 2 ? sums.relu() : sums
        }
    }

    private func expectClose(_ found: Tensor, _ expected: Tensor, ulp: Double, _ subject: String) {
        let largest = expected.elements.map { abs(Double($0)) }.max() ?? 0
        #expect(found.shape == expected.shape, "\(subject)")
        let problems = checkClose(
            found.elements.array, expected.elements.map { Double($0) },
            within: ulp * largest * 0x1p-23, subject)
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test(arguments: try MethodsFixture.cases("ifm"))
    func everyMergeFollowsTheReference(fixture: MethodsFixture) throws {
        let parameters = try network(fixture)
        let merged = try IterativeFeatureMerging(beta: fixture.number("beta"))
            .merge(parameters, groups(parameters))
        let merges = merged.merges.flatMap { [$0.group, $0.kept, $0.gone] }
        #expect(merges == (try fixture.integers(of: "merges")))
        #expect(try merged.layers.map(\.complexity) == fixture.integers("left"))
        for layer in 0..<3 {
            // Both compute in float64; only the result is rounded.
            expectClose(
                try #require(merged.parameters["\(layer).weight"]),
                try fixture.tensor("merged.weight.\(layer)"), ulp: 1, "weight \(layer)")
            expectClose(
                try #require(merged.parameters["\(layer).bias"]),
                try fixture.tensor("merged.bias.\(layer)"), ulp: 1, "bias \(layer)")
        }
        for layer in 0..<2 {
            let counts = merged.layers[layer].members.map(\.count)
            #expect(counts == (try fixture.integers(of: "counts.\(layer)")))
            let members = merged.layers[layer].members.flatMap { $0 }.sorted()
            #expect(members == Array(0..<parameters["\(layer).weight"]!.shape[0]))
        }
        // Three layers of up to 12 products in float32.
        let x = try fixture.tensor("x")
        expectClose(
            logits(x, merged.parameters), try fixture.tensor("mergedLogits"), ulp: 64, "logits")
    }

    @Test func theFirstDistanceIsThatOfTheDefinition() throws {
        let fixture = try MethodsFixture.named("ifm/clusters")
        let parameters = try network(fixture)
        let merged = try IterativeFeatureMerging(beta: 0.1).merge(parameters, groups(parameters))
        let distances = try fixture.tensor("distances")
        let first = try #require(merged.merges.first)
        let expected = Double(distances[first.kept, first.gone])
        #expect(abs(first.distance - expected) <= 1e-6 * expected)
        let quartiles = merged.layers[0].quartiles
        #expect(abs(quartiles[4] - Double(distances.max().item)) <= 1e-6 * quartiles[4])
    }

    @Test func copiesMergeExactlyUnderAnyActivationByTheOtherRule() throws {
        let fixture = try MethodsFixture.named("ifm/duplicates")
        let parameters = try network(fixture)
        let x = try fixture.tensor("x")
        func logits(_ parameters: [String: Tensor]) -> Tensor {
            (0..<3).reduce(x) { x, layer in
                let sums =
                    x.matmul(parameters["\(layer).weight"]!.transposed())
                    + parameters["\(layer).bias"]!
                return layer < 2 ? sums.gelu() : sums
            }
        }
        let method = IterativeFeatureMerging(beta: 1e-9, rule: .meanInSumOut)
        let merged = try method.merge(parameters, groups(parameters))
        #expect(merged.merges.count == 4)
        expectClose(logits(merged.parameters), logits(parameters), ulp: 64, "logits")
        // The rule for ReLU is far off here.
        let wrong = try IterativeFeatureMerging(beta: 1e-9).merge(parameters, groups(parameters))
        let difference = (logits(wrong.parameters) - logits(parameters)).abs().max().item
        #expect(difference > 1e-2)
    }

    /// A convolution, its image flattened into a linear layer.
    @Test func blocksOfAnAxisAndKernelsBelongToAChannel() throws {
        var convolution = Tensor.normal([4, 3, 3, 3], seed: 1)
        var linear = Tensor.normal([5, 16], seed: 2)
        var bias = Tensor.normal([4], seed: 3)
        // Channel 3 is channel 1 again, with its four pixels.
        for index in 0..<27 {
            let place = (index / 9, index / 3 % 3, index % 3)
            convolution[3, place.0, place.1, place.2] = convolution[1, place.0, place.1, place.2]
        }
        bias[3] = bias[1]
        for row in 0..<5 { for pixel in 0..<4 { linear[row, 12 + pixel] = linear[row, 4 + pixel] } }
        let parameters = ["conv": convolution, "bias": bias, "linear": linear, "other": bias]
        let group = ChannelGroup(
            "conv", count: 4, incoming: [.init("conv"), .init("bias")],
            outgoing: [.init("linear", axis: 1, block: 4)])
        let merged = try IterativeFeatureMerging(beta: 1e-9).merge(parameters, [group])
        #expect(merged.layers[0].members == [[0], [1, 3], [2]])
        #expect(merged.parameters["conv"]?.shape == [3, 3, 3, 3])
        #expect(merged.parameters["conv"]?[row: 1] == convolution[row: 1] * 2)
        #expect(merged.parameters["bias"]?.elements[1] == bias[1] * 2)
        #expect(merged.parameters["linear"] == linear.sliced(axis: 1, 0..<12))
        #expect(merged.parameters["other"] == bias)
    }

    @Test func deadChannelsAreCountedApartAndTheShareIsALimit() throws {
        var weight = Tensor.normal([6, 4], seed: 4)
        var next = Tensor.normal([2, 6], seed: 5)
        for channel in [2, 5] {
            for column in 0..<4 { weight[channel, column] = 0 }
            for row in 0..<2 { next[row, channel] = 0 }
        }
        let parameters = ["a": weight, "b": next]
        let group = ChannelGroup(
            "a", count: 6, incoming: [.init("a")], outgoing: [.init("b", axis: 1)])
        let few = try IterativeFeatureMerging(beta: 1e-9).merge(parameters, [group])
        #expect(few.merges.map(\.isOfDead) == [true])
        #expect(few.layers[0].members == [[0], [1], [2, 5], [3], [4]])
        let all = try IterativeFeatureMerging(beta: 1).merge(parameters, [group])
        #expect(all.layers[0].complexity == 1)
        let half = try IterativeFeatureMerging(beta: 1, maximumShare: 0.5)
            .merge(parameters, [group])
        #expect(half.layers[0].complexity == 3)
    }

    @Test func groupsThatDoNotFitAreRefused() {
        let parameters = [
            "a": Tensor.zeros([3, 3]), "b": .zeros([3]), "c": .filled([3], with: .nan),
        ]
        func error(_ incoming: ChannelGroup.Site, _ outgoing: ChannelGroup.Site) -> ChannelError? {
            let group = ChannelGroup("g", count: 3, incoming: [incoming], outgoing: [outgoing])
            do throws(ChannelError) {
                _ = try IterativeFeatureMerging().merge(parameters, [group])
                return nil
            } catch { return error }
        }
        #expect(error(.init("a"), .init("d")) == .unknownParameter(group: "g", name: "d"))
        #expect(error(.init("a"), .init("a", axis: 1)) == .sharedParameter(group: "g", name: "a"))
        #expect(error(.init("a"), .init("c")) == .notFinite(name: "c"))
        let long = ChannelError.wrongLength(
            group: "g", name: "b", axis: 1, shape: [3], expected: 3)
        #expect(error(.init("a"), .init("b", axis: 1)) == long)
    }
}
