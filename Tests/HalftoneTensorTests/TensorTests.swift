import HalftoneKernels
import HalftoneTensor
import Testing

@Suite struct TensorTests {
    @Test func elementsLieInRowMajorOrder() {
        var tensor = Tensor(shape: [2, 3, 4], elements: (0..<24).map(Float.init))
        #expect(tensor[1, 2, 3] == 23)
        #expect(tensor[1, 0, 2] == 14)
        tensor[0, 1, 1] = -1
        #expect(tensor.elements[5] == -1)
        #expect(tensor.count == 24)
    }

    @Test func rowsAndReshapedKeepTheOrder() {
        let tensor = Tensor(shape: [3, 2, 2], elements: (0..<12).map(Float.init))
        #expect(tensor.rows(1..<3) == Tensor(shape: [2, 2, 2], elements: (4..<12).map(Float.init)))
        #expect(tensor[row: 2] == Tensor(shape: [2, 2], elements: [8, 9, 10, 11]))
        #expect(tensor.rows(1..<1).count == 0)
        #expect(tensor.reshaped([4, -1]).shape == [4, 3])
        #expect(tensor.reshaped([12])[7] == 7)
        #expect(tensor.rowLength == 4)
        #expect(Tensor.filled([], with: 3)[] == 3)
    }

    @Test func equalSeedsGiveEqualNumbersAndOthersOthers() {
        #expect(Tensor.uniform([40], seed: 7) == Tensor.uniform([40], seed: 7))
        #expect(Tensor.uniform([40], seed: 7) != Tensor.uniform([40], seed: 8))
        #expect(Tensor.normal([41], seed: 7) == Tensor.normal([41], seed: 7))
        var generator = SeededGenerator(seed: 7)
        let first = Tensor.normal([40], using: &generator)
        #expect(first != Tensor.normal([40], using: &generator))
    }

    /// xoshiro256** after SplitMix64, from the authors' C code with seed 0.
    @Test func theGeneratorIsThePublishedOne() {
        var generator = SeededGenerator(seed: 0)
        #expect(
            (0..<3).map { _ in generator.next() } == [
                0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A, 0x1A5F_849D_4933_E6E0,
            ])
    }

    @Test func uniformNumbersFillTheRange() {
        let count = 100_000
        let numbers = Tensor.uniform([count], in: -3...5, seed: 3).elements
        #expect(numbers.allSatisfy { (-3...5).contains($0) })
        let mean = numbers.reduce(0) { $0 + Double($1) } / Double(count)
        // Five standard errors of a mean: width / √12 / √n.
        #expect(abs(mean - 1) < 5 * 8 / 12.0.squareRoot() / Double(count).squareRoot())
        #expect(numbers.contains { $0 < -2.99 } && numbers.contains { $0 > 4.99 })
    }

    @Test func normalNumbersHaveTheirMoments() {
        let count = 100_000
        let numbers = Tensor.normal([count], mean: 2, standardDeviation: 3, seed: 4).elements
        let n = Double(count)
        let steps = numbers.map { (Double($0) - 2) / 3 }
        // Five standard errors: of a mean 1/√n, of a variance √(2/n), of a fourth moment √(96/n).
        #expect(abs(steps.reduce(0, +) / n) < 5 / n.squareRoot())
        #expect(abs(steps.reduce(0) { $0 + $1 * $1 } / n - 1) < 5 * (2 / n).squareRoot())
        let fourth = steps.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n
        #expect(abs(fourth - 3) < 5 * (96 / n).squareRoot())
    }
}
