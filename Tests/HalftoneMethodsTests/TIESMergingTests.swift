import HalftoneKernels
import HalftoneMethods
import HalftoneTensor
import HalftoneTesting
import Testing

/// Merging by trimming, electing and averaging, against a plain reference in float64.
@Suite struct TIESMergingTests {
    private func vectors(_ matrix: Tensor) -> [Tensor] {
        (0..<matrix.shape[0]).map { matrix[row: $0] }
    }

    @Test(arguments: try MethodsFixture.cases("ties"))
    func everyStepFollowsTheReference(fixture: MethodsFixture) throws {
        let differences = vectors(try fixture.tensor("deltas"))
        let ties = TIESMerging(
            keep: try fixture.number("keep"), scale: Float(try fixture.number("lambda")))
        let trimmed = differences.map(ties.trim)
        // Comparisons of float32 numbers are exact.
        #expect(vectors(try fixture.tensor("trimmed")) == trimmed)
        let thresholds = differences.map { ties.threshold(of: $0) ?? 0 }
        #expect(try fixture.tensor("threshold").elements.array == thresholds)
        let signs = ties.electSigns(trimmed)
        #expect(try fixture.integers(of: "signs") == signs.elements.map(Int.init))
        // Sums in double precision, rounded once.
        let merged = ties.combine(trimmed, signs: signs)
        expectClose(merged, try fixture.tensor("merged"), ulp: 1, "merged")
        // One product and one sum more.
        let base = ["w": try fixture.tensor("base")]
        let models = differences.map { ["w": base["w"]! + $0] }
        let added = base["w"]! + ties.merge(differences)
        expectClose(added, try fixture.tensor("result"), ulp: 3, "result")
        // Models in float32 give back their differences to within half a unit in their last place.
        let whole = try ties.merge(models, base: base)["w"]
        #expect(whole?.shape == base["w"]?.shape)
        let mean = PlainAveraging().merge(differences)
        expectClose(mean, try fixture.tensor("mean"), ulp: 4, "mean")
        let sum = TaskArithmetic(scale: 1).merge(differences)
        expectClose(sum, try fixture.tensor("sum"), ulp: 4, "sum")
    }

    /// Compares with a bound in units of the last place of the largest expected number.
    private func expectClose(_ found: Tensor, _ expected: Tensor, ulp: Double, _ subject: String) {
        let largest = expected.elements.map { abs(Double($0)) }.max() ?? 0
        #expect(found.shape == expected.shape, "\(subject)")
        let problems = checkClose(
            found.elements.array, expected.elements.map { Double($0) },
            within: ulp * largest * 0x1p-23, subject)
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test func theToyOfThePaperComesOut() {
        let differences: [Tensor] = [[5, -1, 0.1], [4, 2, -0.1], [-3, 0.5, 0.2]].map {
            Tensor(shape: [3], elements: $0)
        }
        let merged = TIESMerging(keep: 1).merge(differences)
        #expect(merged.elements[0] == 4.5)
        #expect(merged.elements[1] == 1.25)
        // The mean of two float32 numbers near 0.1 and 0.2, rounded once.
        #expect(abs(merged.elements[2] - 0.15) <= 0x1p-25)
    }

    @Test func sumAndLargestTakeTheSameModels() {
        let differences = [[5, -1], [4, 2], [-30, 0.5]].map { Tensor(shape: [2], elements: $0) }
        let signs = Tensor(shape: [2], elements: [1, 1])
        let sum = TIESMerging(keep: 1, combination: .sum).combine(differences, signs: signs)
        #expect(sum.elements.array == [9, 2.5])
        let largest = TIESMerging(keep: 1, combination: .largest)
        #expect(largest.combine(differences, signs: signs).elements.array == [5, 2])
        #expect(largest.combine(differences, signs: -signs).elements.array == [-30, -1])
    }

    @Test(arguments: [1, 2, 3, 100, 4097])
    func theThresholdIsThatOfSorting(count: Int) {
        let values = Tensor.normal([count], seed: UInt64(count))
        let sorted = values.elements.map(\.magnitude).sorted()
        for keep in [0.0, 0.01, 0.2, 0.5, 0.999] {
            let rank = count - Int(keep * Double(count))
            #expect(TIESMerging(keep: keep).threshold(of: values) == sorted[rank - 1])
        }
        #expect(TIESMerging(keep: 1).threshold(of: values) == nil)
    }

    @Test func tiedParametersCountOnceAndAreWrittenAlike() throws {
        let base = ["a.head": Tensor.zeros([2]), "b": .zeros([2]), "embed": .zeros([2])]
        let changed = Tensor(shape: [2], elements: [4, 3])
        let model = [
            "a.head": changed, "b": Tensor(shape: [2], elements: [2, 1]), "embed": changed,
        ]
        // Half of four entries is 4 and 3. Counted twice, half of six would be 4, 4 and 3, 3.
        let merged = try TIESMerging(keep: 0.25).merge(
            [model], base: base, tied: [["embed", "a.head"]])
        #expect(merged["embed"]?.elements.array == [4, 3])
        #expect(merged["a.head"] == merged["embed"])
        #expect(merged["b"]?.elements.array == [0, 0])
        let layout = try ParameterVector(base, tied: [["embed", "a.head"]])
        #expect(layout.count == 4)
    }

    @Test func modelsThatDoNotFitAreRefused() throws {
        let base = ["a": Tensor.zeros([2]), "b": .zeros([1])]
        let ties = TIESMerging()
        #expect(throws: MergeError.noModels) { try ties.merge([], base: base) }
        #expect(throws: MergeError.namesDiffer(model: 1, missing: ["b"], extra: ["c"])) {
            try ties.merge([base, ["a": .zeros([2]), "c": .zeros([1])]], base: base)
        }
        #expect(
            throws: MergeError.shapesDiffer(model: 0, name: "b", found: [2], expected: [1])
        ) { try ties.merge([["a": .zeros([2]), "b": .zeros([2])]], base: base) }
        #expect(throws: MergeError.notFinite(model: 0, name: "b")) {
            try ties.merge([["a": .zeros([2]), "b": .filled([1], with: .nan)]], base: base)
        }
        #expect(throws: MergeError.unknownTiedName("c")) {
            try ties.merge([base], base: base, tied: [["a", "c"]])
        }
        let other = ["a": Tensor.zeros([2]), "b": .filled([2], with: 1)]
        #expect(throws: MergeError.notTied(model: 0, names: ["a", "b"])) {
            try ties.merge([other], base: other, tied: [["a", "b"]])
        }
    }
}
