import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

@Suite struct OrderTests {
    @Test func sortedElementsKeepTheirGradient() {
        let shape = [3, 6, 2]
        for axis in 0..<3 {
            let failures =
                checkGradients("sorted", at: [.normal(shape, seed: 81)], roundings: 2) {
                    $0[0].sorted(axis: axis).values
                } reference: {
                    Reference.along(shape, axis) { $0.sorted() }($0)
                }
                + checkGradients("falling", at: [.normal(shape, seed: 82)], roundings: 2) {
                    $0[0].sorted(axis: axis, descending: true).values
                } reference: {
                    Reference.along(shape, axis) { $0.sorted(by: >) }($0)
                }
                + checkGradients("top", at: [.normal(shape, seed: 83)], roundings: 2) {
                    $0[0].top(2, axis: axis).values
                } reference: {
                    Reference.along(shape, axis) { Array($0.sorted(by: >)[..<2]) }($0)
                }
            #expect(failures.isEmpty, "\(failures)")
        }
    }

    @Test func equalAndStrangeNumbersHaveTheirPlace() {
        let x = Tensor(shape: [6], elements: [2, .nan, -1, 2, .infinity, -1])
        #expect(x.argsorted().elements == [2, 5, 0, 3, 4, 1])
        #expect(x.argsorted(descending: true).elements == [1, 4, 0, 3, 2, 5])
        #expect(x.argmax().elements == [1] && x.argmin().elements == [2])
        #expect(x.top(2).indices.elements == [1, 4])
        let y = Tensor(shape: [2, 3], elements: [1, 5, 5, 7, 7, 2])
        #expect(y.argmax() == IndexTensor(shape: [2], elements: [1, 0]))
        #expect(y.argmax(axis: 0) == IndexTensor(shape: [3], elements: [1, 1, 0]))
        #expect(y.argmin(axis: 0).shape == [3])
    }

    /// The first few of many are those of sorting all, equal and strange numbers included.
    @Test func aFewOfManyAreThoseOfSorting() {
        let whole = Tensor.uniform([3, 700, 2], in: -20...20, seed: 85).rounded()
        var elements = Array(whole.elements)
        (elements[9], elements[1003], elements[1400]) = (.nan, .infinity, -.infinity)
        let x = Tensor(shape: whole.shape, elements: elements)
        for count in [0, 1, 7, 100, 174, 175, 700] {
            let sorted = x.argsorted(axis: 1, descending: true)
            let found = x.top(count, axis: 1).indices
            for (outer, last) in [(0, 0), (1, 1), (2, 0)] {
                for step in 0..<count {
                    let all = sorted.elements[(outer * 700 + step) * 2 + last]
                    #expect(found.elements[(outer * count + step) * 2 + last] == all)
                }
            }
        }
    }

    @Test func scansFollowTheirDefinition() {
        func running(_ function: @escaping (Double, Double) -> Double) -> ([Double]) -> [Double] {
            { values in
                var result = [values[0]]
                for value in values.dropFirst() { result.append(function(result.last!, value)) }
                return result
            }
        }
        let shape = [2, 7, 3]
        let x = Tensor.uniform(shape, in: -2...2, seed: 84)
        for axis in 0..<3 {
            let failures =
                checkGradients("sums", at: [x], roundings: 2) {
                    $0[0].cumulativeSum(axis: axis)
                } reference: {
                    Reference.along(shape, axis, running(+))($0)
                }
                + checkGradients("products", at: [x], roundings: 4) {
                    $0[0].cumulativeProduct(axis: axis)
                } reference: {
                    Reference.along(shape, axis, running(*))($0)
                }
                + checkGradients("maxima", at: [x], roundings: 8) {
                    $0[0].cumulativeMax(axis: axis).values
                } reference: {
                    Reference.along(shape, axis, running(max))($0)
                }
            #expect(failures.isEmpty, "\(failures)")
        }
        let zeros = Tensor(shape: [4], elements: [2, 0, 3, 0]).tracked()
        // Products 2, 0, 0, 0: the first factor moves all, the second the second and third.
        #expect(zeros.cumulativeProduct().gradient(for: zeros).elements == [1, 8, 0, 0])
    }
}
