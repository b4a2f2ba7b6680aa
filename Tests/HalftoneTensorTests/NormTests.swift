import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

private func normalized(_ x: [Double], centered: Bool) -> [Double] {
    let mean = centered ? x.reduce(0, +) / Double(x.count) : 0
    let square = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    return x.map { ($0 - mean) / (square + Double(Float(1e-5))).squareRoot() }
}

@Suite struct NormTests {
    /// Three sums over 19 columns one after another, or over the rows, and a dozen roundings.
    @Test(arguments: [true, false], [1, 7, 130])
    func rowNormsFollowTheirDefinition(centered: Bool, rows: Int) {
        let width = 19
        let x = Tensor.normal([rows, width], mean: 0.5, standardDeviation: 2, seed: 61)
        let gain = Tensor.uniform([width], in: 0.5...2, seed: 62)
        let bias = Tensor.normal([width], seed: 63)
        let few = rows > 7 ? 3 : rows
        // Central differences of many rows take long; the sums over them are held below.
        let failures = checkGradients(
            "norm", at: [x.rows(0..<few), gain, bias], roundings: 70
        ) {
            centered
                ? $0[0].layerNorm(gain: $0[1], bias: $0[2])
                : $0[0].rmsNorm(gain: $0[1]) + $0[2]
        } reference: { inputs in
            (0..<few).flatMap { row in
                let line = Array(inputs[0][row * width..<(row + 1) * width])
                return normalized(line, centered: centered).enumerated().map {
                    $1 * inputs[1][$0] + inputs[2][$0]
                }
            }
        }
        #expect(failures.isEmpty, "\(failures)")
        let plain =
            centered ? x.layerNorm(gain: nil, bias: nil) : x.rmsNorm(gain: nil)
        let tracked = gain.tracked()
        let g = Tensor.normal([rows, width], seed: 64)
        let found =
            (centered ? x.layerNorm(gain: tracked, bias: nil) : x.rmsNorm(gain: tracked))
            .gradients(for: [tracked], upstream: g)[0]
        let terms = (plain * g).elements
        let sums = (0..<width).map { column in
            stride(from: column, to: terms.count, by: width).reduce(0.0) { $0 + Double(terms[$1]) }
        }
        let sizes = (0..<width).map { column in
            stride(from: column, to: terms.count, by: width).reduce(0.0) {
                $0 + Double(terms[$1].magnitude)
            }
        }
        let sumFailures = checkClose(
            found.elements.array, sums, within: sizes.map { 70 * 0x1p-24 * $0 }, "gain")
        #expect(sumFailures.isEmpty, "\(sumFailures)")
    }

    @Test func groupNormFollowsItsDefinition() {
        let shape = [2, 6, 3, 2]
        let failures = checkGradients(
            "group norm",
            at: [
                .normal(shape, mean: 1, seed: 65), .uniform([6], in: 0.5...2, seed: 66),
                .normal([6], seed: 67),
            ], roundings: 70
        ) {
            $0[0].groupNorm(groups: 3, gain: $0[1], bias: $0[2])
        } reference: { inputs in
            (0..<6).flatMap { (group: Int) -> [Double] in
                let run = Array(inputs[0][group * 12..<(group + 1) * 12])
                return normalized(run, centered: true).enumerated().map { place, value in
                    let channel = group % 3 * 2 + place / 6
                    return value * inputs[1][channel] + inputs[2][channel]
                }
            }
        }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test(arguments: [[5, 3], [3, 2, 9], [2, 3, 2, 3]])
    func batchNormFollowsItsDefinition(shape: [Int]) {
        let (items, channels) = (shape[0], shape[1])
        let length = shape[2...].reduce(1, *)
        let x = Tensor.normal(shape, mean: 1, standardDeviation: 2, seed: 68)
        let gain = Tensor.uniform([channels], in: 0.5...2, seed: 69)
        let bias = Tensor.normal([channels], seed: 70)
        func channel(_ values: [Double], _ channel: Int) -> [Double] {
            (0..<items).flatMap { item in
                let start = (item * channels + channel) * length
                return values[start..<start + length]
            }
        }
        let failures = checkGradients("batch norm", at: [x, gain, bias], roundings: 90) {
            $0[0].batchNorm(gain: $0[1], bias: $0[2]).value
        } reference: { inputs in
            var result = inputs[0]
            for number in 0..<channels {
                let values = normalized(channel(inputs[0], number), centered: true)
                for (place, value) in values.enumerated() {
                    let target =
                        (place / length * channels + number) * length + place % length
                    result[target] = value * inputs[1][number] + inputs[2][number]
                }
            }
            return result
        }
        #expect(failures.isEmpty, "\(failures)")
        let (value, mean, variance) = x.batchNorm(gain: gain, bias: bias)
        let points = x.elements.map(Double.init)
        let means = (0..<channels).map { number in
            channel(points, number).reduce(0, +) / Double(items * length)
        }
        let variances = (0..<channels).map { number in
            channel(points, number).reduce(0) {
                $0 + ($1 - means[number]) * ($1 - means[number])
            } / Double(items * length)
        }
        let statisticFailures =
            checkClose(mean.elements.array, means, within: 20 * 0x1p-24 * 8, "means")
            + checkClose(variance.elements.array, variances, within: 20 * 0x1p-24 * 60, "variances")
        #expect(statisticFailures.isEmpty, "\(statisticFailures)")
        // With the same statistics, inference is training but for a few roundings.
        let inference = x.batchNorm(gain: gain, bias: bias, mean: mean, variance: variance)
        let inferenceFailures = checkClose(
            inference.elements.array, value.elements.map(Double.init), within: 12 * 0x1p-24 * 16)
        #expect(inferenceFailures.isEmpty, "\(inferenceFailures)")
    }
}
