import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

@Suite struct RecordTests {
    @Test func nothingIsRecordedUntilAsked() {
        let x = Tensor.normal([4, 4], seed: 1)
        #expect(!(x.matmul(x).softmax() + x).isTracked)
        #expect((x.matmul(x.tracked())).isTracked)
        #expect(!x.tracked().stopGradient().isTracked)
        var changed = x.tracked()
        changed[0, 0] = 1
        #expect(!changed.isTracked)
    }

    @Test func gradientsStopWhereTheyAreTold() {
        let x = Tensor(3).tracked()
        #expect((x * x.stopGradient()).gradient(for: x).item == 3)
        #expect((x.tracked() * x).gradient(for: x).item == 3)
        #expect(x.gradient(for: x).item == 1)
        #expect(Tensor(2).gradient(for: x).item == 0)
        #expect((x * 2).gradient(for: Tensor(1).tracked()).item == 0)
    }

    @Test func gradientsOfWhatLiesBetweenCanBeAskedFor() {
        let x = Tensor(shape: [2], elements: [1, 2]).tracked()
        let y = x * 3
        let z = y.squared() + y
        let gradients = z.gradients(
            for: [y, x, y], upstream: Tensor(shape: [2], elements: [1, 10]))
        #expect(gradients.map(\.elements) == [[7, 130], [21, 390], [7, 130]])
        // Asking again is allowed as long as the tensor is there.
        #expect(z.gradient(for: x).elements == [21, 39])
    }

    @Test func ruleOfOnesOwn() {
        let x = Tensor(shape: [3], elements: [0.2, 1.7, -0.6]).tracked()
        let rounded = Tensor.custom([x], value: x.rounded()) { [$0 * 2] }
        #expect(rounded.elements == [0, 2, -1])
        #expect((rounded * 5).gradient(for: x).elements == [10, 10, 10])
        let blocked = Tensor.custom([x], value: x.rounded()) { _ in [nil] }
        #expect(blocked.gradient(for: x).elements == [0, 0, 0])
    }

    @Test func aWrongGradientIsFound() {
        let failures = checkGradients("wrong", at: [.normal([3], seed: 1)], roundings: 8) {
            let x = $0[0]
            return Tensor.custom([x], value: x * x.stopGradient()) { [x = x.stopGradient()] in
                [$0 * x * 2.0001]
            }
        } reference: {
            $0[0].map { $0 * $0 }
        }
        #expect(failures.count == 1, "\(failures)")
    }

    /// Recursion over so many records would overflow the stack.
    @Test func deepRecordsAreWalkedAndFreed() {
        let x = Tensor(1).tracked()
        var y = x
        for _ in 0..<100_000 { y = y + 1e-3 }
        #expect(y.gradient(for: x).item == 1)
        var z = x
        for _ in 0..<100_000 { z = z * 1 + x }
        _ = consume z
        var custom = x
        for _ in 0..<100_000 {
            // A rule that captures what it should not.
            custom = Tensor.custom([custom], value: custom) { [custom] in [$0 * custom.item] }
        }
        #expect(custom.gradient(for: x).item == 1)
    }

    @Test func valueAndGradientsComeTogether() {
        let inputs = [Tensor(2), Tensor(5)]
        let (value, gradients) = Tensor.valueAndGradients(for: inputs) { $0[0] * $0[0] * $0[1] }
        #expect(value.item == 20 && !value.isTracked)
        #expect(gradients.map(\.item) == [20, 4])
    }

    @Test func arraysAreValues() {
        var a = FloatArray(repeating: 1, count: 2000)
        let b = a
        a[3] = 7
        #expect(b[3] == 1 && a[3] == 7 && a != b)
        let c = FloatArray(count: 3) { span in
            for index in span.indices { span[index] = Float(index) }
        }
        #expect(c == [0, 1, 2] && Array(c) == [0, 1, 2] && c.array == [0, 1, 2])
        #expect(FloatArray(stride(from: Float(0), to: 3, by: 1)) == c)
        var d = c
        var span = d.mutableSpan
        span[0] = 9
        #expect(d == [9, 1, 2] && c[0] == 0)
        #expect(FloatArray().isEmpty && c.map { $0 * 2 } == [0, 2, 4])
        FloatArray.releaseUnusedMemory()
        #expect(b.allSatisfy { $0 == 1 })
    }
}
