import HalftoneKernels
import HalftoneModels
import HalftoneTensor
import HalftoneTransforms
import Testing

/// Every transform keeps the function of every architecture that it supports.
///
/// Sums of some 100 products of float32 in another order differ by 1e-6 or so of their size, and a
/// few layers make it ten times as much; whatever is moved to the wrong place changes logits by as
/// much as they are.
@Suite struct TransformTests {
    private static let tolerance: Float = 2e-4

    /// Factors from a tenth to ten, those that have to be alike alike.
    private func factors(
        _ stage: BlockStage, _ weights: DecoderWeights, seed: UInt64
    ) -> [ActivationPlace: [Float]] {
        var result: [ActivationPlace: [Float]] = [:]
        for (index, block) in weights.spec.blocks.enumerated()
        where ChannelScaling.applies(to: stage, of: block) {
            let width = stage.width(of: block, in: weights.spec)
            var values = Tensor.uniform([width], in: -1...1, seed: seed + UInt64(index)).elements
                .map { value in
                    // Signs as well: nothing asks for positive factors.
                    (value > 0 ? 1 : -1) * (0.1 + 9.9 * value.magnitude)
                }
            for channels in ChannelScaling.sharedChannels(of: stage, in: block) ?? [] {
                for channel in channels { values[channel] = values[channels[0]] }
            }
            result[ActivationPlace(block: index, stage: stage)] = values
        }
        return result
    }

    @Test(arguments: TransformFixture.names, BlockStage.allCases)
    func scaledChannels(name: String, stage: BlockStage) throws {
        let fixture = try TransformFixture(name)
        let factors = factors(stage, fixture.weights, seed: 3)
        #expect(factors.isEmpty == (name.hasPrefix("gpt") && stage == .perceptronOutput))
        let scaled = try ChannelScaling(factors).applied(to: fixture.weights)
        #expect(try fixture.change(scaled) < Self.tolerance)
        for place in factors.keys {
            let role = Role(
                stage.parts(of: fixture.weights.spec.blocks[place.block])[0], block: place.block)
            #expect(scaled.matrix(role).decoded() != fixture.weights.matrix(role).decoded())
        }
    }

    @Test(arguments: TransformFixture.names)
    func shiftedChannels(name: String) throws {
        let fixture = try TransformFixture(name)
        let width = fixture.weights.spec.width
        let offsets = Tensor.normal([width], seed: 4).elements.map { 3 * $0 }
        var places: [ActivationPlace: [Float]] = [:]
        for index in fixture.weights.spec.blocks.indices {
            for stage in [BlockStage.attentionInput, .perceptronInput] {
                let applies = ChannelShift.applies(to: stage, block: index, of: fixture.weights)
                #expect(applies == TransformFixture.layerNormed.contains(name))
                places[ActivationPlace(block: index, stage: stage)] = offsets
            }
        }
        guard TransformFixture.layerNormed.contains(name) else {
            #expect(throws: TransformError.self) {
                try ChannelShift(places).applied(to: fixture.weights)
            }
            return
        }
        let shifted = try ChannelShift(places).applied(to: fixture.weights)
        #expect(try fixture.change(shifted) < Self.tolerance)
        let bias = Role(.attentionNorm, block: 0, isBias: true)
        #expect(shifted.vector(bias) != fixture.weights.vector(bias))
    }

    @Test(arguments: TransformFixture.names, [false, true])
    func foldedNorms(name: String, foldsHead: Bool) throws {
        let fixture = try TransformFixture(name)
        let transform = NormFolding(foldsHead: foldsHead)
        if foldsHead, TransformFixture.layerNormed.contains(name) {
            #expect(throws: TransformError.self) { try transform.applied(to: fixture.weights) }
            return
        }
        let folded = try transform.applied(to: fixture.weights)
        #expect(try fixture.change(folded) < Self.tolerance)
        for (index, _) in folded.spec.blocks.enumerated() {
            for part in [Role.Part.attentionNorm, .mlpNorm] {
                let role = Role(part, block: index)
                #expect(folded.vector(role)?.allSatisfy { $0 == 1 } != false)
                let bias = Role(part, block: index, isBias: true)
                #expect(folded.vector(bias)?.allSatisfy { $0 == 0 } != false)
            }
        }
        #expect(
            folded.spec.isHeadTied == (fixture.weights.spec.isHeadTied && !foldsHead))
    }

    @Test(arguments: TransformFixture.names)
    func rotatedHeads(name: String) throws {
        let fixture = try TransformFixture(name)
        let rotated = try HeadRotation(seed: 2).applied(to: fixture.weights)
        #expect(try fixture.change(rotated) < Self.tolerance)
        let role = Role(.attentionOutput, block: 0)
        #expect(rotated.matrix(role).decoded() != fixture.weights.matrix(role).decoded())
    }

    @Test(arguments: TransformFixture.names)
    func rotatedStream(name: String) throws {
        let fixture = try TransformFixture(name)
        let transform = StreamRotation(seed: 5)
        if TransformFixture.layerNormed.union(TransformFixture.postNormed).contains(name) {
            #expect(throws: TransformError.self) { try transform.applied(to: fixture.weights) }
            return
        }
        let rotated = try transform.applied(to: fixture.weights)
        #expect(try fixture.change(rotated) < Self.tolerance)
        let role = Role(.embedding)
        #expect(rotated.matrix(role).decoded() != fixture.weights.matrix(role).decoded())
    }

    @Test(arguments: TransformFixture.names)
    func permutedChannels(name: String) throws {
        let fixture = try TransformFixture(name)
        let spec = fixture.weights.spec
        var hidden: [Int: [Int]] = [:]
        for (index, block) in spec.blocks.enumerated() {
            let width = block.mlp.hiddenWidth
            hidden[index] = (0..<width).map { ($0 * 7 + 3) % width }
            if Set(hidden[index] ?? []).count < width { hidden[index] = (0..<width).reversed() }
        }
        let permuted = try ChannelPermutation(
            hidden: hidden, stream: (0..<spec.width).reversed()
        ).applied(to: fixture.weights)
        #expect(try fixture.change(permuted) < Self.tolerance)
        let role = Role(.down, block: 0)
        #expect(permuted.matrix(role).decoded() != fixture.weights.matrix(role).decoded())
    }

    @Test func transformsFollowEachOther() throws {
        let fixture = try TransformFixture("smollm2")
        let all = try fixture.weights.transformed(by: [
            ChannelScaling(factors(.perceptronOutput, fixture.weights, seed: 9)),
            StreamRotation(), HeadRotation(),
        ])
        #expect(try fixture.change(all) < Self.tolerance)
    }

    @Test func whatDoesNotBelongIsRefused() throws {
        let fixture = try TransformFixture("llama3")
        let place = ActivationPlace(block: 0, stage: .attentionOutput)
        let width = place.stage.width(of: fixture.weights.spec.blocks[0], in: fixture.weights.spec)
        var values = [Float](repeating: 1, count: width)
        values[0] = 2
        let bad: [[ActivationPlace: [Float]]] = [
            // The first query head reads the value that the second one reads.
            [place: values],
            [place: [1, 2]],
            [ActivationPlace(block: 9, stage: .attentionInput): values],
            [ActivationPlace(block: 0, stage: .attentionInput): [Float](repeating: 0, count: 64)],
        ]
        for factors in bad {
            #expect(throws: TransformError.self) {
                try ChannelScaling(factors).applied(to: fixture.weights)
            }
        }
        #expect(throws: TransformError.self) {
            try ChannelPermutation(hidden: [0: [0, 0]]).applied(to: fixture.weights)
        }
    }
}

/// Orthogonal matrices.
@Suite struct RotationTests {
    @Test(arguments: [
        1, 2, 4, 8, 12, 16, 20, 24, 28, 36, 44, 48, 60, 64, 76, 96, 128, 160, 576, 640, 896,
    ])
    func hadamardMatricesAreOrthogonal(size: Int) throws {
        let rows = try #require(Rotation.signs(size))
        #expect(rows.count == size)
        for first in 0..<min(size, 40) {
            #expect(rows[first].count == size && rows[first].allSatisfy { $0 == 1 || $0 == -1 })
            for second in 0..<size {
                let sum = zip(rows[first], rows[second]).reduce(0) { $0 + Int($1.0) * Int($1.1) }
                #expect(sum == (first == second ? size : 0), "rows \(first) and \(second)")
            }
        }
    }

    @Test func sizesWithoutAHadamardMatrixAreRotatedToo() throws {
        #expect(Rotation.signs(6) == nil && Rotation.signs(7) == nil && Rotation.signs(0) == nil)
        let rotation = try Rotation.random(6, seed: 1)
        let product = rotation.product(rotation, transposed: true)
        for row in 0..<6 {
            for column in 0..<6 {
                #expect(abs(product[row, column] - (row == column ? 1 : 0)) < 1e-5)
            }
        }
    }

    @Test func seedsDrawSigns() throws {
        let first = try #require(Rotation.hadamard(64, seed: 1))
        #expect(first == Rotation.hadamard(64, seed: 1))
        #expect(first != Rotation.hadamard(64, seed: 2))
    }
}
