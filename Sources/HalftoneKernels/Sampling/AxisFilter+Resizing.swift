/// How values between pixels are found when an image is resized.
public enum ResizeMode: Sendable, Hashable, CaseIterable {
    /// The pixel at `⌊y · input / output⌋`.
    case nearest
    /// The two pixels around, by their distance.
    case bilinear
    /// The four pixels around, by the cubic convolution with a = −3/4.
    ///
    /// Source: R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE
    /// Transactions on Acoustics, Speech, and Signal Processing 29(6), 1981, equation 4 with the
    /// constant that the field uses.
    case bicubic
    /// The average of all pixels that an output pixel covers, whole pixels at a time.
    case area
}

extension AxisFilter {
    /// The map that changes the length of an axis.
    ///
    /// - Parameters:
    ///   - mode: The interpolation.
    ///   - inputLength: At least 1.
    ///   - outputLength: At least 0.
    ///   - alignsCorners: Whether the first and last pixel centres fall together (positions
    ///     `y · (input − 1) / (output − 1)`) instead of the outer borders
    ///     (`(y + ½) · input / output − ½`, not below 0 when bilinear). Nearest and area have no
    ///     such choice.
    public static func resizing(
        _ mode: ResizeMode, from inputLength: Int, to outputLength: Int,
        alignsCorners: Bool = false
    ) -> AxisFilter {
        precondition(inputLength >= 1 && outputLength >= 0, "an axis without pixels has no values")
        let last = inputLength - 1
        let taps = (0..<outputLength).map { output -> [(position: Int, weight: Float)] in
            let position =
                alignsCorners
                ? Double(output) * (outputLength > 1 ? Double(last) / Double(outputLength - 1) : 0)
                : (Double(output) + 0.5) * Double(inputLength) / Double(outputLength) - 0.5
            switch mode {
            case .nearest:
                return [(min(output * inputLength / outputLength, last), 1)]
            case .bilinear:
                let inside = max(position, 0)
                let first = min(Int(inside), last)
                let fraction = inside - Double(first)
                return merged(
                    [(first, 1 - fraction), (min(first + 1, last), fraction)])
            case .bicubic:
                let floor = position.rounded(.down)
                let weights = cubicWeights(position - floor)
                return merged(
                    (0..<4).map { (min(max(Int(floor) - 1 + $0, 0), last), weights[$0]) })
            case .area:
                let run = Pooling.evenRuns(outputLength, length: inputLength)[output]
                return run.map { ($0, 1 / Float(run.count)) }
            }
        }
        return AxisFilter(inputLength: inputLength, taps: taps)
    }

    /// The weights of the four pixels around a position `t` after the second.
    static func cubicWeights(_ t: Double) -> [Double] {
        let a = -0.75
        func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
        func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return [far(t + 1), near(t), near(1 - t), far(2 - t)]
    }

    /// Taps with equal positions added up, without those of weight 0.
    private static func merged(
        _ taps: [(position: Int, weight: Double)]
    ) -> [(position: Int, weight: Float)] {
        var result: [(position: Int, weight: Double)] = []
        for tap in taps {
            if let index = result.firstIndex(where: { $0.position == tap.position }) {
                result[index].weight += tap.weight
            } else {
                result.append(tap)
            }
        }
        return result.filter { $0.weight != 0 }.map { ($0.position, Float($0.weight)) }
    }
}
