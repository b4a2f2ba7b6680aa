/// A normalization over the width of a token.
package struct Normalization: Sendable {
    /// What is normalized away.
    package enum Kind: Sendable {
        /// Divides by the root mean square; Zhang and Sennrich, arXiv:1910.07467.
        case rootMeanSquare
        /// To mean 0 and variance 1; Ba, Kiros and Hinton, arXiv:1607.06450.
        case layer
    }

    private let kind: Kind
    private let epsilon: Float
    private let gain: FloatBuffer
    private let bias: FloatBuffer

    /// Floats of a token.
    package let width: Int

    /// Describes a normalization with a gain, and perhaps a bias, per column.
    package init(_ kind: Kind, epsilon: Float, gain: [Float], bias: [Float]?) {
        self.kind = kind
        self.epsilon = epsilon
        width = gain.count
        self.gain = FloatBuffer(gain)
        self.bias = FloatBuffer(bias ?? [Float](repeating: 0, count: gain.count))
    }

    /// Normalizes some tokens of `[tokens, width]` and finishes them.
    package func run(
        _ team: Team, _ input: FloatBuffer, rows: Range<Int>, into output: ReplicatedRows
    ) {
        precondition(input.count >= rows.upperBound * width, "there are as many tokens")
        output.compute(team, rows) { target, range in
            precondition(target.width == width, "the widths agree")
            for row in range {
                unsafe apply(input.base + row * width, target.floats.base + row * width)
            }
            target.finish(range)
        }
    }

    /// Adds some normalized tokens of a buffer, `[tokens, width]`, to another.
    package func add(_ team: Team, _ input: FloatBuffer, rows: Range<Int>, to sum: FloatBuffer) {
        let needed = rows.upperBound * width
        precondition(input.count >= needed && sum.count >= needed, "there are as many tokens")
        team.share(rows.count) { range in
            for index in range {
                let row = rows.lowerBound + index
                let x = unsafe input.base + row * width
                // The gain follows the division, so that it may be done in place.
                unsafe apply(x, x)
                unsafe FloatKernels.addScaled(
                    sum.base + row * width, x, scale: 1, count: width)
            }
        }
    }

    /// One token or head.
    @unsafe
    func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
        switch kind {
        case .rootMeanSquare:
            unsafe FloatKernels.rmsNorm(
                x, width: width, gain: gain.base, epsilon: epsilon, into: y)
        case .layer:
            unsafe FloatKernels.layerNorm(
                x, width: width, gain: gain.base, bias: bias.base, epsilon: epsilon, into: y)
        }
    }
}
