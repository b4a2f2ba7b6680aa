import HalftoneKernels

/// A convolution by its definition, in Double, with the sums of magnitudes that bound rounding.
struct ConvolutionReference {
    let shape: ConvolutionShape
    let input: [Float]
    let weight: [Float]
    let bias: [Float]
    let outputGradient: [Float]

    /// A sum and the sum of its terms' magnitudes.
    struct Sum {
        var value = 0.0
        var magnitude = 0.0
        var terms = 0

        mutating func add(_ term: Double) {
            value += term
            magnitude += abs(term)
            terms += 1
        }

        /// Each of `terms` products and additions rounds by at most half a unit of a partial sum,
        /// which is at most the sum of magnitudes.
        var bound: Double { Double(2 * terms + 2) * 0x1p-24 * magnitude * 1.01 + 1e-38 }
    }

    private(set) var output: [Sum]
    private(set) var inputGradient: [Sum]
    private(set) var weightGradient: [Sum]
    private(set) var biasGradient: [Sum]

    init(_ shape: ConvolutionShape, seed: UInt64) {
        self.shape = shape
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func values(_ count: Int) -> [Float] {
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(state >> 40) * 0x1p-23 - 1
            }
        }
        input = values(shape.inputCount)
        weight = values(shape.weightCount)
        bias = values(shape.outChannels)
        outputGradient = values(shape.outputCount)
        output = .init(repeating: Sum(), count: shape.outputCount)
        inputGradient = .init(repeating: Sum(), count: shape.inputCount)
        weightGradient = .init(repeating: Sum(), count: shape.weightCount)
        biasGradient = .init(repeating: Sum(), count: shape.outChannels)
        compute()
    }

    private mutating func compute() {
        let (v, h) = (shape.vertical, shape.horizontal)
        let inPerGroup = shape.inChannels / shape.groups
        let outPerGroup = shape.outChannels / shape.groups
        for n in 0..<shape.batch {
            for o in 0..<shape.outChannels {
                for y in 0..<shape.outHeight {
                    for x in 0..<shape.outWidth {
                        let target =
                            ((n * shape.outChannels + o) * shape.outHeight + y) * shape.outWidth + x
                        let upstream = Double(outputGradient[target])
                        output[target].add(Double(bias[o]))
                        biasGradient[o].add(upstream)
                        for c in 0..<inPerGroup {
                            let channel = o / outPerGroup * inPerGroup + c
                            for i in 0..<v.taps {
                                let row = v.position(output: y, tap: i)
                                guard row >= 0, row < shape.height else { continue }
                                for j in 0..<h.taps {
                                    let column = h.position(output: x, tap: j)
                                    guard column >= 0, column < shape.width else { continue }
                                    let source =
                                        ((n * shape.inChannels + channel) * shape.height + row)
                                        * shape.width + column
                                    let w = ((o * inPerGroup + c) * v.taps + i) * h.taps + j
                                    output[target].add(Double(weight[w]) * Double(input[source]))
                                    inputGradient[source].add(Double(weight[w]) * upstream)
                                    weightGradient[w].add(Double(input[source]) * upstream)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
