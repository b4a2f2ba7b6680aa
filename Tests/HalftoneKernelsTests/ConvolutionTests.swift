import HalftoneKernels
import HalftoneTesting
import Testing

/// Shapes with every kind of length: 1, odd, not a multiple of a vector, strides above the window,
/// padding above the window, groups, one channel a group.
private let shapes: [ConvolutionShape] = {
    let three = Window(taps: 3, padding: 1)
    return [
        .init(
            batch: 2, inChannels: 3, outChannels: 16, height: 9, width: 7, vertical: three,
            horizontal: three),
        .init(
            batch: 17, inChannels: 16, outChannels: 32, height: 8, width: 8, vertical: three,
            horizontal: three),
        .init(
            batch: 3, inChannels: 32, outChannels: 16, height: 9, width: 11,
            vertical: Window(taps: 3, stride: 2, padding: 1),
            horizontal: Window(taps: 3, stride: 2, padding: 1)),
        .init(
            batch: 5, inChannels: 24, outChannels: 40, height: 4, width: 6,
            vertical: Window(taps: 1), horizontal: Window(taps: 1)),
        .init(
            batch: 2, inChannels: 16, outChannels: 16, height: 7, width: 7,
            vertical: Window(taps: 1, stride: 2), horizontal: Window(taps: 1, stride: 3)),
        .init(
            batch: 4, inChannels: 32, outChannels: 32, groups: 32, height: 6, width: 10,
            vertical: three, horizontal: three),
        .init(
            batch: 2, inChannels: 5, outChannels: 10, groups: 5, height: 8, width: 5,
            vertical: Window(taps: 5, stride: 2, before: 2, after: 1), horizontal: three),
        .init(
            batch: 3, inChannels: 12, outChannels: 8, groups: 4, height: 5, width: 6,
            vertical: three, horizontal: Window(taps: 2, before: 0, after: 1)),
        .init(
            batch: 2, inChannels: 32, outChannels: 64, groups: 2, height: 5, width: 5,
            vertical: three, horizontal: three),
        .init(
            batch: 2, inChannels: 4, outChannels: 6, height: 12, width: 13,
            vertical: Window(taps: 3, dilation: 2, padding: 2),
            horizontal: Window(taps: 3, stride: 2, dilation: 3, before: 1, after: 4)),
        .init(
            batch: 1, inChannels: 1, outChannels: 1, height: 1, width: 1, vertical: Window(taps: 1),
            horizontal: Window(taps: 1)),
        .init(
            batch: 2, inChannels: 3, outChannels: 4, height: 10, width: 9,
            vertical: Window(taps: 2, stride: 4), horizontal: Window(taps: 1, stride: 5)),
        .init(
            batch: 2, inChannels: 2, outChannels: 3, height: 3, width: 3,
            vertical: Window(taps: 2, padding: 4), horizontal: Window(taps: 3, padding: 3)),
        .init(
            batch: 3, inChannels: 8, outChannels: 6, height: 1, width: 33,
            vertical: Window(taps: 1),
            horizontal: Window(taps: 5, stride: 2, before: 4, after: 0)),
        .init(
            batch: 1, inChannels: 16, outChannels: 128, height: 6, width: 6, vertical: three,
            horizontal: three),
        .init(
            batch: 1, inChannels: 64, outChannels: 64, groups: 64, height: 6, width: 6,
            vertical: three, horizontal: three),
        .init(
            batch: 11, inChannels: 7, outChannels: 7, height: 10, width: 10,
            vertical: Window(taps: 7, padding: 3), horizontal: Window(taps: 7, padding: 3)),
        .init(
            batch: 0, inChannels: 4, outChannels: 4, height: 4, width: 4, vertical: three,
            horizontal: three),
        .init(
            batch: 2, inChannels: 0, outChannels: 3, height: 4, width: 4, vertical: three,
            horizontal: three),
    ]
}()

private struct Results: Equatable {
    var output: [Float]
    var plain: [Float]
    var inputGradient: [Float]
    var weightGradient: [Float]
    var biasGradient: [Float]
    var together: [[Float]]

    init(_ reference: ConvolutionReference, threads: Int, channelsLast: Bool = false) {
        let shape = reference.shape
        let convolution = Convolution(
            shape, pool: WorkerPool(threads: threads), channelsLast: channelsLast)
        // Not zero, so that a part that is not written shows.
        output = .init(repeating: .nan, count: shape.outputCount)
        plain = output
        inputGradient = .init(repeating: .nan, count: shape.inputCount)
        weightGradient = .init(repeating: .nan, count: shape.weightCount)
        biasGradient = .init(repeating: .nan, count: shape.outChannels)
        together = [inputGradient, weightGradient, biasGradient]
        let images = ElementOrder.channelsLast(
            channels: shape.inChannels, area: shape.height * shape.width)
        let results = ElementOrder.channelsLast(
            channels: shape.outChannels, area: shape.outHeight * shape.outWidth)
        func ordered(_ x: [Float], _ order: ElementOrder) -> [Float] {
            channelsLast
                ? ElementOrder.rowMajor.converted(FloatArray(x), to: order).array : x
        }
        func plainly(_ x: [Float], _ order: ElementOrder) -> [Float] {
            channelsLast ? order.converted(FloatArray(x), to: .rowMajor).array : x
        }
        let (x, w) = (ordered(reference.input, images), reference.weight)
        let (b, g) = (reference.bias, ordered(reference.outputGradient, results))
        Self.fill(&output) {
            convolution.forward(input: x.span, weight: w.span, bias: b.span, into: &$0)
        }
        Self.fill(&plain) { convolution.forward(input: x.span, weight: w.span, into: &$0) }
        Self.fill(&inputGradient) {
            convolution.inputGradient(output: g.span, weight: w.span, into: &$0)
        }
        Self.fill(&weightGradient, &biasGradient) {
            convolution.weightGradient(input: x.span, output: g.span, into: &$0, bias: &$1)
        }
        var (all, weightToo, biasToo) = (inputGradient, together[1], together[2])
        Self.fill(&weightToo, &biasToo) { weight, bias in
            Self.fill(&all) {
                convolution.gradients(
                    input: x.span, output: g.span, weight: w.span, intoInput: &$0, weight: &weight,
                    bias: &bias)
            }
        }
        together = [plainly(all, images), weightToo, biasToo]
        output = plainly(output, results)
        plain = plainly(plain, results)
        inputGradient = plainly(inputGradient, images)
    }

    private static func fill(_ array: inout [Float], _ body: (inout MutableSpan<Float>) -> Void) {
        var span = array.mutableSpan
        body(&span)
    }

    private static func fill(
        _ first: inout [Float], _ second: inout [Float],
        _ body: (inout MutableSpan<Float>, inout MutableSpan<Float>) -> Void
    ) {
        var (a, b) = (first, second)
        fill(&a) { one in fill(&b) { body(&one, &$0) } }
        (first, second) = (a, b)
    }
}

@Suite struct ConvolutionTests {
    @Test(arguments: shapes, [false, true])
    func productsAgreeWithTheDefinition(shape: ConvolutionShape, channelsLast: Bool) {
        let reference = ConvolutionReference(shape, seed: 3)
        let found = Results(reference, threads: 2, channelsLast: channelsLast)
        func check(
            _ values: [Float], _ sums: [ConvolutionReference.Sum], _ subject: String
        ) -> [String] {
            checkClose(values, sums.map(\.value), within: sums.map(\.bound), "\(subject) \(shape)")
        }
        #expect(check(found.output, reference.output, "output") == [])
        #expect(check(found.inputGradient, reference.inputGradient, "input gradient") == [])
        #expect(check(found.weightGradient, reference.weightGradient, "weight gradient") == [])
        #expect(check(found.biasGradient, reference.biasGradient, "bias gradient") == [])
        #expect(check(found.together[0], reference.inputGradient, "input gradient") == [])
        #expect(check(found.together[1], reference.weightGradient, "weight gradient") == [])
        #expect(check(found.together[2], reference.biasGradient, "bias gradient") == [])
        let area = shape.outHeight * shape.outWidth
        let bare = reference.output.enumerated().map { index, sum in
            sum.value - Double(reference.bias[index / area % shape.outChannels])
        }
        #expect(
            checkClose(found.plain, bare, within: reference.output.map(\.bound), "bare \(shape)")
                == [])
    }

    @Test(arguments: shapes, [false, true])
    func threadsDoNotChangeABit(shape: ConvolutionShape, channelsLast: Bool) {
        let reference = ConvolutionReference(shape, seed: 4)
        let one = Results(reference, threads: 1, channelsLast: channelsLast)
        #expect(one == Results(reference, threads: 2, channelsLast: channelsLast))
        #expect(one == Results(reference, threads: 3, channelsLast: channelsLast))
    }
}

@Suite struct WindowTests {
    @Test func countsOutputsAsTheyFit() {
        #expect(Window(taps: 3).outputLength(3) == 1)
        #expect(Window(taps: 3).outputLength(2) == 0)
        #expect(Window(taps: 3, stride: 2, padding: 1).outputLength(32) == 16)
        #expect(Window(taps: 2, stride: 5).outputLength(11) == 2)
        #expect(Window(taps: 3, dilation: 4, before: 1, after: 0).outputLength(8) == 1)
    }

    @Test func tapsInsideAreThoseWithAPosition() {
        for (dilation, before, length) in [(1, 2, 4), (2, 3, 5), (3, 7, 1), (1, 0, 9), (4, 9, 2)] {
            let window = Window(taps: 3, stride: 2, dilation: dilation, before: before, after: 8)
            for output in 0..<window.outputLength(length) {
                let inside = (0..<3).filter {
                    (0..<length).contains(window.position(output: output, tap: $0))
                }
                #expect(Array(window.tapsInside(output: output, length: length)) == inside)
            }
        }
    }
}
