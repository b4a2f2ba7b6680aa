import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

@Suite struct ProductTests {
    @Test(arguments: [false, true], [false, true])
    func productsFollowTheirDefinition(first: Bool, second: Bool) {
        for (batch, lead, repeatsSecond) in [
            (1, [Int](), false), (6, [2, 3], false), (6, [2, 3], true),
        ] {
            let a = Tensor.normal(lead + (first ? [5, 3] : [3, 5]), seed: 51)
            let b = Tensor.normal(
                (repeatsSecond ? [] : lead) + (second ? [4, 5] : [5, 4]), seed: 52)
            // Sums of at most 5, 4 or 3 terms, over at most six repeats.
            let failures = checkGradients(
                "product \(lead) \(first) \(second) \(repeatsSecond)", at: [a, b], roundings: 20
            ) {
                $0[0].matmul($0[1], transposingFirst: first, transposingSecond: second)
            } reference: {
                (Reference.product(
                    batch: batch, 3, 5, 4, first, second, repeatsSecond: repeatsSecond))($0)
            }
            #expect(failures.isEmpty, "\(failures)")
        }
    }

    @Test func rowsAndColumnsLoseTheirDimension() {
        let matrix = Tensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6])
        #expect(
            matrix.matmul(Tensor(shape: [3], elements: [1, 0, 2]))
                == Tensor(shape: [2], elements: [7, 16]))
        #expect(
            Tensor(shape: [2], elements: [1, -1]).matmul(matrix)
                == Tensor(shape: [3], elements: [-3, -3, -3]))
        #expect(
            Tensor(shape: [2], elements: [1, 2]).matmul(Tensor(shape: [2], elements: [3, 4]))
                == Tensor(11))
        #expect(Tensor.zeros([2, 0]).matmul(.zeros([0, 3])) == .zeros([2, 3]))
    }

    /// Large enough for tiles, with lengths that no tile divides; against sums in Double within
    /// one rounding per term.
    @Test(arguments: [false, true], [false, true])
    func tilesGiveTheSameBitsOnAnyNumberOfThreads(first: Bool, second: Bool) {
        let (rows, depth, columns) = (301, 517, 403)
        let a = Tensor.normal(first ? [depth, rows] : [rows, depth], seed: 53)
        let b = Tensor.normal(second ? [columns, depth] : [depth, columns], seed: 54)
        let results = [1, 2, 3].map { threads in
            WorkerPool.$current.withValue(WorkerPool(threads: threads)) {
                a.matmul(b, transposingFirst: first, transposingSecond: second)
            }
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        let (x, y) = (a.elements.array, b.elements.array)
        for row in stride(from: 0, to: rows, by: 25) {
            for column in stride(from: 0, to: columns, by: 31) {
                var (sum, size) = (0.0, 0.0)
                for place in 0..<depth {
                    let term =
                        Double(first ? x[place * rows + row] : x[row * depth + place])
                        * Double(second ? y[column * depth + place] : y[place * columns + column])
                    sum += term
                    size += abs(term)
                }
                let found = Double(results[0][row, column])
                #expect(abs(found - sum) <= Double(depth) * 0x1p-24 * size)
            }
        }
    }

    @Test func softmaxesFollowTheirDefinition() {
        func exponentials(_ x: [Double]) -> [Double] {
            let sum = x.reduce(0) { $0 + exp($1) }
            return x.map { exp($0) / sum }
        }
        let shape = [3, 4, 5]
        for axis in 0..<3 {
            let x = Tensor.normal(shape, standardDeviation: 2, seed: 55)
            // An exponential of a rounded difference of up to 12: e^x is off by 12 roundings; the
            // sums have five terms.
            let failures =
                checkGradients("softmax", at: [x], roundings: 40) {
                    $0[0].softmax(axis: axis)
                } reference: {
                    (Reference.along(shape, axis, exponentials))($0)
                }
                + checkGradients("log softmax", at: [x], roundings: 40) {
                    $0[0].logSoftmax(axis: axis - 3)
                } reference: {
                    (Reference.along(shape, axis) { exponentials($0).map { log($0) } })($0)
                }
                + checkGradients("log sum exp", at: [x], roundings: 40) {
                    $0[0].logSumExp(axis: axis)
                } reference: {
                    (Reference.along(shape, axis) { [log($0.reduce(0) { $0 + exp($1) })] })($0)
                }
            #expect(failures.isEmpty, "\(failures)")
        }
    }

    @Test func crossEntropyFollowsItsDefinition() {
        let targets = IndexTensor(shape: [2, 2], elements: [3, -100, 0, 6])
        let failures = checkGradients(
            "cross entropy", at: [.normal([2, 2, 7], standardDeviation: 2, seed: 56)], roundings: 40
        ) {
            $0[0].crossEntropy(targets)
        } reference: { x in
            (0..<4).map { row in
                guard targets.elements[row] >= 0 else { return 0 }
                let values = x[0][row * 7..<row * 7 + 7]
                return log(values.reduce(0) { $0 + exp($1) })
                    - values[values.startIndex + Int(targets.elements[row])]
            }
        }
        #expect(failures.isEmpty, "\(failures)")
        let huge = Tensor(shape: [1, 2], elements: [1e30, -1e30])
        #expect(huge.crossEntropy([0]).elements == [0])
        #expect(huge.crossEntropy([1]).elements == [2e30])
    }

    /// d/dW of a mean squared error by hand: `2/n · xᵀ(xW − y)`.
    @Test func aHandDerivedGradient() {
        let x = Tensor(shape: [2, 2], elements: [1, 2, 3, 4])
        let w = Tensor(shape: [2, 1], elements: [1, -1]).tracked()
        let y = Tensor(shape: [2, 1], elements: [0, 1])
        let loss = (x.matmul(w) - y).squared().mean()
        // xW − y = [−1, −2]; xᵀ(…) = [−7, −10]; 2/2 of it.
        #expect(loss.item == 2.5)
        #expect(loss.gradient(for: w).elements == [-7, -10])
    }
}
