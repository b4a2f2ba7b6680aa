import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// What is kept of the tokens that a layer reads.
@Suite struct InputStatisticsTests {
    /// Features are those of a loop over numbers, for any width and in any number of batches.
    @Test(arguments: [1, 7, 8, 77, 130])
    func featuresAreThoseOfALoop(width: Int) {
        let inputs = Tensor.normal([200, width], seed: 3)
        let batches = [0..<64, 64..<65, 65..<200]
        var found = InputStatistics(width: width)
        for rows in batches {
            found.add(
                Tensor(
                    shape: [rows.count, width],
                    elements: Array(
                        inputs.elements.map(\.self)[
                            rows.lowerBound * width..<rows.upperBound * width])))
        }
        #expect(found.tokenCount == 200)
        for feature in 0..<width {
            let column = (0..<200).map { Double(inputs.elements[$0 * width + feature]) }
            let plain = [
                column.reduce(0, +), column.reduce(0) { $0 + $1.magnitude },
                column.reduce(0) { $0 + $1 * $1 },
            ]
            let sums = [
                found.sums[feature], found.magnitudeSums[feature], found.squareSums[feature],
            ]
            #expect(zip(sums, plain).allSatisfy { abs($0 - $1) < 1e-3 }, "\(sums), \(plain)")
            #expect(Double(found.least[feature]) == column.min())
            #expect(Double(found.largest[feature]) == column.max())
        }
    }
}
