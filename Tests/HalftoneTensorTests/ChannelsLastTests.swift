import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Images `[2, 16, 3, 5]` whose channels lie together, and what gradients are asked for.
private func images(seed: UInt64) -> (leaf: Tensor, images: Tensor) {
    let leaf = Tensor.normal([2, 16, 3, 5], seed: seed).tracked()
    // The identity as a convolution changes no number.
    var identity = Tensor.zeros([16, 16, 1, 1])
    for channel in 0..<16 { identity[channel, channel, 0, 0] = 1 }
    return (leaf, leaf.convolved2D(identity))
}

/// An operation on images and another operand.
private struct Operation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let apply: @Sendable (Tensor, Tensor) -> Tensor

    init(_ name: String, _ apply: @escaping @Sendable (Tensor, Tensor) -> Tensor) {
        (testDescription, self.apply) = (name, apply)
    }
}

/// How the other operand repeats, and whether it lies like the images.
private let operands: [(shape: [Int], isOrdered: Bool)] = [
    ([2, 16, 3, 5], true), ([2, 16, 3, 5], false), ([16, 1, 1], false), ([1, 16, 1, 1], false),
    ([2, 16, 1, 1], false), ([2, 1, 3, 5], false), ([2, 1, 1, 1], false), ([3, 5], false),
    ([16, 3, 5], false), ([2, 16, 3, 1], false), ([5], false), ([], false),
]

@Suite struct ChannelsLastTests {
    @Test func convolutionsKeepChannelsTogether() {
        let (leaf, x) = images(seed: 1)
        #expect(x.order == .channelsLast(channels: 16, area: 15))
        #expect(x.shape == leaf.shape && x.elements == leaf.elements)
        #expect(x == leaf && leaf == x && x != leaf + 1)
        #expect(x[1, 3, 2, 4] == leaf[1, 3, 2, 4] && x.count == leaf.count)
        #expect(x.relu().order == x.order && (x + x).order == x.order)
        #expect(x.tracked().order == x.order && x.stopGradient().order == x.order)
        var changed = x
        changed[0, 15, 1, 2] = 7
        #expect(changed.elements[15 * 15 + 7] == 7)
    }

    private static let operations = [
        Operation("sum") { $0 + $1 }, Operation("difference") { $0 - $1 },
        Operation("the other way") { $1 - $0 }, Operation("product") { $0 * $1 },
        Operation("quotient") { $0 / ($1.squared() + 1) },
        Operation("maximum") { Tensor.maximum($0, $1) },
        Operation("silu") { ($0 * $1).silu() },
        Operation("pixels") { ($0 * $1).sum(axes: [2, 3]) },
        Operation("channels") { ($0 * $1).sum(axes: [1], keepDimensions: true) },
        Operation("channels and rows") { ($0 * $1).mean(axes: [1, 2]) },
        Operation("images and pixels") { ($0 * $1).sum(axes: [0, 2, 3]) },
        Operation("rows") { ($0 * $1).sum(axes: [2]) }, Operation("all") { ($0 * $1).sum() },
        Operation("none") { ($0 * $1).sum(axes: []) },
        Operation("reshaped") { ($0 * $1).reshaped([2, -1]) },
        Operation("transposed") { ($0 * $1).transposed([1, 0, 3, 2]) },
        Operation("sliced") { ($0 * $1).rows(1..<2) },
        Operation("softmax") { ($0 * $1).softmax() },
        Operation("pooled") { ($0 * $1).maxPooled2D(2) },
        Operation("largest") { ($0 * $1).max(axes: [1]) },
    ]

    /// The order of the numbers in memory shows in no result: sums are taken in another order, of
    /// at most 480 products below 32.
    @Test(arguments: operations)
    private func orderShowsInNothing(operation: Operation) {
        for (shape, isOrdered) in operands {
            let (leaf, x) = images(seed: 2)
            let other = isOrdered ? images(seed: 3) : nil
            let y = other?.images ?? Tensor.normal(shape, seed: 4).tracked()
            let found = operation.apply(x, y)
            let targets = [leaf, other?.leaf ?? y]
            let plainX = leaf.stopGradient().tracked()
            let plainY = Tensor(shape: shape, elements: y.elements).tracked()
            let expected = operation.apply(plainX, plainY)
            #expect(found.shape == expected.shape)
            let unit = 480 * 32 * 0x1p-24
            let weights = Tensor.normal(expected.shape, seed: 5)
            let one = found.gradients(for: targets, upstream: weights)
            let two = expected.gradients(for: [plainX, plainY], upstream: weights)
            let failures =
                checkClose(
                    found.elements.array, expected.elements.map(Double.init), within: unit)
                + checkClose(
                    one[0].elements.array, two[0].elements.map(Double.init), within: unit, "dx")
                + checkClose(
                    one[1].elements.array, two[1].elements.map(Double.init), within: unit, "dy")
            #expect(failures == [], "\(operation.testDescription) with \(shape)")
        }
    }

    /// Three sums over 30 pixels one after another, and a dozen roundings more.
    @Test(arguments: [false, true], [false, true])
    func batchNormTakesWhatFollowsAlong(hasOther: Bool, rectifies: Bool) {
        let (leaf, x) = images(seed: 6)
        let (otherLeaf, other) = images(seed: 7)
        let gain = Tensor.uniform([16], in: 0.5...2, seed: 8).tracked()
        let bias = Tensor.normal([16], seed: 9).tracked()
        let found = x.batchNorm(
            gain: gain, bias: bias, adding: hasOther ? other : nil, rectifies: rectifies)
        #expect(found.value.order == x.order)
        let plain = leaf.batchNorm(gain: gain, bias: bias)
        var expected = hasOther ? plain.value + otherLeaf : plain.value
        if rectifies { expected = expected.relu() }
        let unit = 100 * 0x1p-24
        let weights = Tensor.normal(x.shape, seed: 10)
        let targets = [leaf, gain, bias, otherLeaf]
        let one = found.value.gradients(for: targets, upstream: weights)
        let two = expected.gradients(for: targets, upstream: weights)
        var failures = checkClose(
            found.value.elements.array, expected.elements.map(Double.init), within: unit * 8)
        failures += checkClose(
            found.mean.elements.array, plain.mean.elements.map(Double.init), within: unit)
        failures += checkClose(
            found.variance.elements.array, plain.variance.elements.map(Double.init),
            within: unit * 4)
        for (place, size) in [8.0, 200, 120, 0].enumerated() {
            failures += checkClose(
                one[place].elements.array, two[place].elements.map(Double.init),
                within: unit * size, "gradient \(place)")
        }
        #expect(failures == [])
    }

    /// A chain of convolutions and norms, in one order and with every result brought back to rows.
    @Test func networksHaveTheSameGradients() {
        let weights = [
            Tensor.normal([16, 3, 3, 3], standardDeviation: 0.3, seed: 11),
            Tensor.normal([32, 16, 3, 3], standardDeviation: 0.1, seed: 12),
            Tensor.normal([7, 32, 3, 3], standardDeviation: 0.1, seed: 13),
        ].map { $0.tracked() }
        let x = Tensor.normal([3, 3, 8, 8], seed: 14).tracked()
        func network(_ pass: (Tensor) -> Tensor) -> Tensor {
            let one = pass(x.convolved2D(weights[0], padding: 1)).relu()
            let two = pass(one.convolved2D(weights[1], stride: 2, padding: 1)).silu()
            return pass(two.convolved2D(weights[2])).mean(axes: [2, 3])
        }
        let plain = network { $0.reshaped($0.shape) }
        let found = network { $0 }
        let one = found.gradients(for: [x] + weights)
        let two = plain.gradients(for: [x] + weights)
        // Sums of at most 288 products, three of them one after another.
        for (first, second) in zip(one, two) {
            let bound = 3 * 288 * 0x1p-24 * Double(second.abs().max().item)
            let failures = checkClose(
                first.elements.array, second.elements.map(Double.init), within: bound)
            #expect(failures == [])
        }
    }
}
