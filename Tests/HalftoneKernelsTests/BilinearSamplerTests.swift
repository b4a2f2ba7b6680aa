import HalftoneKernels
import HalftoneTesting
import Testing

/// The sampler by its definition, in Double.
private struct SamplerReference {
    let sampler: BilinearSampler
    let input: [Double]

    func coordinate(_ value: Double, _ length: Int) -> Double {
        let n = Double(length)
        var p = sampler.alignsCorners ? (value + 1) / 2 * (n - 1) : ((value + 1) * n - 1) / 2
        switch sampler.border {
        case .zeros: return p
        case .border: break
        case .reflection:
            let (low, high) = sampler.alignsCorners ? (0, n - 1) : (-0.5, n - 0.5)
            if high <= low { return 0 }
            while p < low || p > high { p = p < low ? 2 * low - p : 2 * high - p }
        }
        return min(max(p, 0), n - 1)
    }

    func value(_ plane: Int, _ x: Double, _ y: Double) -> Double {
        let (column, row) = (
            coordinate(x, sampler.width), coordinate(y, sampler.height)
        )
        let (left, top) = (Int(column.rounded(.down)), Int(row.rounded(.down)))
        var sum = 0.0
        for (i, wy) in [(top, 1 - (row - Double(top))), (top + 1, row - Double(top))] {
            for (j, wx) in [(left, 1 - (column - Double(left))), (left + 1, column - Double(left))]
            where (0..<sampler.height).contains(i) && (0..<sampler.width).contains(j) {
                sum += wy * wx * input[(plane * sampler.height + i) * sampler.width + j]
            }
        }
        return sum
    }
}

@Suite struct BilinearSamplerTests {
    @Test(arguments: SampleBorder.allCases, [false, true])
    func samplesAndGradientsAgreeWithDifferences(border: SampleBorder, alignsCorners: Bool) {
        for (height, width) in [(5, 7), (1, 4), (3, 1)] {
            let sampler = BilinearSampler(
                batch: 2, channels: 3, height: height, width: width, points: 40, border: border,
                alignsCorners: alignsCorners, pool: WorkerPool(threads: 2))
            let input = seededValues(sampler.inputCount, seed: 41)
            let positions = seededValues(sampler.positionCount, seed: 42).map { $0 * 2.5 }
            let upstream = seededValues(sampler.outputCount, seed: 43)
            let output = filled(sampler.outputCount) {
                sampler.sample(input.span, at: positions.span, into: &$0)
            }
            var positionGradient = [Float](repeating: .nan, count: sampler.positionCount)
            let inputGradient = filled(sampler.inputCount) { dx in
                var span = positionGradient.mutableSpan
                sampler.gradients(
                    input.span, at: positions.span, output: upstream.span, intoInput: &dx,
                    positions: &span)
            }

            let reference = SamplerReference(sampler: sampler, input: input.map { Double($0) })
            var expected: [Double] = []
            for plane in 0..<6 {
                for point in 0..<40 {
                    let index = (plane / 3 * 40 + point) * 2
                    expected.append(
                        reference.value(
                            plane, Double(positions[index]), Double(positions[index + 1])))
                }
            }
            // Positions up to 15 pixels from the origin round by 4 units of 2⁻²¹, values have
            // slopes below 2.
            #expect(checkClose(output, expected, within: 1.6e-5) == [])
            // Linear in the input.
            let product = innerProduct(inputGradient, input)
            #expect(abs(product - innerProduct(upstream, output)) <= 240 * 8 * 0x1p-24)

            let step = 1e-5
            for index in positions.indices where abs(Double(positions[index])) < 10 {
                let (image, point) = (index / 80, index / 2 % 40)
                func loss(_ shift: Double) -> Double {
                    var x = Double(positions[index & ~1])
                    var y = Double(positions[index | 1])
                    if index % 2 == 0 { x += shift } else { y += shift }
                    return (0..<3).reduce(0) { sum, channel in
                        let plane = image * 3 + channel
                        return sum + Double(upstream[plane * 40 + point])
                            * reference.value(plane, x, y)
                    }
                }
                let (right, left) = (loss(step) - loss(0), loss(0) - loss(-step))
                // A kink between the two points has no derivative.
                guard abs(right - left) < 1e-9 else { continue }
                let slope = (right + left) / (2 * step)
                #expect(abs(Double(positionGradient[index]) - slope) <= 3e-4)
            }
        }
    }

    @Test func positionsThatAreNotFiniteAreHarmless() {
        for border in SampleBorder.allCases {
            let sampler = BilinearSampler(
                batch: 1, channels: 1, height: 2, width: 2, points: 3, border: border,
                pool: WorkerPool(threads: 1))
            let positions: [Float] = [.nan, 0, .infinity, 0, 1e30, -1e30]
            let output = filled(3) {
                sampler.sample([1, 1, 1, 1].span, at: positions.span, into: &$0)
            }
            #expect(output.allSatisfy { $0 == (border == .zeros ? 0 : 1) })
        }
    }
}
