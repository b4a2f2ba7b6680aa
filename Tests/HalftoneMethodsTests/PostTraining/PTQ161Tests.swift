import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// The mask, the two roundings and the training of 1.61 bits, held to the paper's formulas.
@Suite struct PTQ161Tests {
    private static let pool = WorkerPool(threads: 2)

    private func statistics(_ inputs: Tensor) -> InputStatistics {
        var statistics = InputStatistics(width: inputs.shape[1], detail: .features)
        statistics.add(inputs, pool: Self.pool)
        return statistics
    }

    @Test("salient are the channels from the threshold on")
    func mask() {
        var method = PTQ161()
        // ⌊0.2 · 10⌋ = 2: the third largest is the threshold, and is salient itself.
        #expect(method.salientColumns([1, 9, 2, 8, 3, 7, 4, 6, 5, 0]) == [1, 3, 5])
        #expect(method.salientColumns([1, 1, 1, 1]) == [0])
        method.salientShare = 0
        #expect(method.salientColumns([3, 2, 1]) == [])
        method.salientShare = 1
        #expect(method.salientColumns([3, 2, 1]) == [0, 1, 2])
    }

    @Test("a row by hand: four bits over the whole row, signs about the mean of the rest")
    func row() throws {
        // Columns 1 and 4 are salient: ⌊0.2 · 6⌋ = 1 and one more.
        let weight = Tensor(shape: [1, 6], elements: [-1, 0.3, 2, 0.5, 0.9, -0.5])
        let inputs = Tensor(shape: [2, 6], elements: [0, 5, 1, 0, -9, 1, 1, 0, -1, 1, 0, 0])
        let stored = try PTQ161().stored(
            weight.weightMatrix(), inputs: statistics(inputs), pool: Self.pool)
        let values = try stored.decoded()
        // Step (2 + 1) / 15 = 0.2 and zero point 5: 0.3 is 1.5 steps and rounds to 2 by the even
        // rule, or as the half that 0.2 becomes has it; 0.9 is 4.5 steps.
        let step = ScaleCodec(.float16).nearest(0.2)
        let codes = [
            (0.3 / step).rounded(.toNearestOrEven), (0.9 / step).rounded(.toNearestOrEven),
        ]
        #expect(values[1] == step * codes[0] && values[4] == step * codes[1])
        // The rest is −1, 2, 0.5, −0.5: μ = 0.25 and α = 4 / 4 = 1, and not the mean of |w − μ|.
        #expect([values[0], values[2], values[3], values[5]] == [-0.75, 1.25, 1.25, -0.75])
        // Places of two bytes each; 2 codes in a byte, a half and a byte for its zero point; 4 signs
        // in a byte, two halves a row and one for each column.
        #expect(stored.byteCount == 12 + (1 + 2 + 1) + (1 + 4 + 8))
        #expect(throws: QuantizationError.self) {
            try PTQ161().stored(weight.weightMatrix(), inputs: nil, pool: Self.pool)
        }
    }

    @Test("the mean magnitude and the largest choose differently, a seed chooses for itself")
    func salience() throws {
        let inputs = Tensor(
            shape: [4, 5], elements: [9, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0])
        let weight = Tensor.normal([3, 5], seed: 2)
        func exact(_ salience: PTQ161.Salience) throws -> [Float] {
            var method = PTQ161()
            method.salience = salience
            method.salientShare = 0.1
            return try method.stored(
                weight.weightMatrix(), inputs: statistics(inputs), pool: Self.pool
            ).decoded()
        }
        let (largest, mean) = (try exact(.largest), try exact(.mean))
        // Signs have one magnitude about the mean; of the salient column 0 all values differ.
        #expect(largest != mean)
        #expect(try exact(.random(seed: 3)) == exact(.random(seed: 3)))
    }

    @Test("the loss by hand")
    func loss() {
        let output = Tensor(shape: [1, 2, 2], elements: [1, 0, 3, 4])
        let target = Tensor(shape: [1, 2, 2], elements: [1, 1, 4, 3])
        // Squares 0, 1, 1, 1; cosines 1/√2 and 24/25.
        let expected = 0.75 - log((0.5.squareRoot() + 0.96) / 2)
        #expect(abs(Double(PTQ161.loss(output, target).item) - expected) < 1e-6)
        #expect(abs(PTQ161.loss(target, target).item) < 1e-6)
    }

    @Test("training lowers every block's loss and keeps signs, means and four-bit columns")
    func training() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/Models/llama2")
        let weights = try LanguageModel(path: folder.path, readsTokenizer: false).weights
        let texts: [[Int32]] = (0..<3).map { (text: Int32) in
            (0..<20).map { (place: Int32) in (place * 7 + text * 31) % 96 }
        }
        var method = PTQ161()
        var losses: [[Float]] = []
        let trained = try method.trained(weights, texts: texts) { losses.append($1) }
        #expect(losses.count == 2)
        for block in losses { #expect(block.count == 20 && block[19] < block[0]) }
        #expect(trained.count == 14)
        method.epochs = 0
        let plain = try method.trained(weights, texts: texts)
        let role = Role(.gate, block: 1)
        let (one, two) = (try #require(trained[role]), try #require(plain[role]))
        #expect(one.byteCount == two.byteCount)
        for (first, second) in zip(one.parts, two.parts) {
            // What is trained is what the signs are multiplied with, and the mean with it.
            let isTrained = ["class1.scales", "class1.offsets", "class1.factors"]
                .contains(first.layout.name)
            #expect((first.bytes.array != second.bytes.array) == isTrained, "\(first.layout.name)")
        }
        method.epochs = 20
        method.trainsFactors = false
        let alone = try #require(try method.trained(weights, texts: texts)[role])
        for (first, second) in zip(alone.parts, two.parts) {
            #expect(
                (first.bytes.array != second.bytes.array)
                    == (first.layout.name == "class1.scales"), "\(first.layout.name)")
        }
    }
}
