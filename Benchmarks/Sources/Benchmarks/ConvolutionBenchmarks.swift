import HalftoneTensor

/// Forward convolutions of a batch of 64, against a matrix product with unfolded images.
func convolutionBenchmarks() -> [BenchmarkGroup] {
    let shapes = [
        (inChannels: 16, outChannels: 16, size: 32, taps: 3),
        (inChannels: 64, outChannels: 64, size: 8, taps: 3),
        (inChannels: 64, outChannels: 64, size: 16, taps: 1),
    ]
    return shapes.map { shape in
        let name = "convolution-\(shape.inChannels)-\(shape.size)-\(shape.taps)x\(shape.taps)"
        let x = Tensor.uniform([64, shape.inChannels, shape.size, shape.size], seed: 1)
        let weight = Tensor.uniform(
            [shape.outChannels, shape.inChannels, shape.taps, shape.taps], seed: 2)
        let padding = ImagePadding(shape.taps / 2)
        func unfolded() -> Tensor {
            let columns = x.unfolded2D(AxisPair(shape.taps), padding: padding)
            return weight.reshaped([shape.outChannels, -1]).matmul(columns)
        }
        func direct() -> Tensor { x.convolved2D(weight, padding: padding) }
        return BenchmarkGroup(
            name: name,
            members: [
                Benchmark(
                    name: "\(name)/unfolded", run: { unfolded().elements[0] }, check: { nil }),
                Benchmark(
                    name: "\(name)/direct", run: { direct()[0, 0, 0, 0] },
                    check: {
                        // Sums of at most 576 products below 1, each side rounded twice per term.
                        let bound = 4 * Float(weight.rowLength) * 0x1p-24 * Float(weight.rowLength)
                        let worst = zip(direct().elements, unfolded().elements)
                            .map { abs($0 - $1) }.max()!
                        return worst <= bound ? nil : "the worst element is \(worst) away"
                    }),
            ])
    }
}
