import HalftoneQuantization
import HalftoneTensor
import Testing

struct ObserverTests {
    @Test func extremesOnlyWiden() {
        var observer = MinMaxObserver()
        #expect(observer.range == nil)
        observer.observe(Tensor(shape: [3], elements: [0.5, 2, 1]))
        #expect(observer.range == 0.5...2)
        observer.observe(Tensor(shape: [2], elements: [-1, 1.5]))
        #expect(observer.range == -1...2)
        observer.isFrozen = true
        observer.observe(Tensor(shape: [1], elements: [9]))
        observer.observe(.zeros([0]))
        #expect(observer.range == -1...2)
    }

    @Test func averagesMoveByTheirShare() throws {
        var observer = MovingAverageObserver(decay: 0.75)
        observer.observe(Tensor(shape: [2], elements: [0, 4]))
        observer.observe(Tensor(shape: [2], elements: [-4, 8]))
        #expect(observer.range == -1...5)
        observer.isFrozen = true
        observer.observe(Tensor(shape: [1], elements: [100]))
        #expect(observer.range == -1...5)
    }

    /// The order and the size of batches do not matter, since bins only merge.
    @Test(arguments: [1.0, 0.999, 0.9])
    func percentilesAreThoseOfSorting(_ share: Double) throws {
        let x = Tensor.normal([20_000], mean: 0.3, seed: 41)
        var observer = PercentileObserver(share: share)
        for start in stride(from: 0, to: 20_000, by: 500) {
            observer.observe(x.rows(start..<start + 500))
        }
        let range = try #require(observer.range)
        let sorted = x.elements.sorted()
        let tail = Int(20_000 * (1 - share) / 2)
        // A bin is at most 2⁻¹⁰ of the largest magnitude, and rounding moves an edge by less.
        let bin = max(-sorted[0], sorted[19_999]) * 0x1p-10
        #expect(abs(range.lowerBound - sorted[tail]) <= 1.01 * bin)
        #expect(abs(range.upperBound - sorted[19_999 - tail]) <= 1.01 * bin)
    }

    @Test func zerosAloneHaveARange() {
        var observer = PercentileObserver()
        observer.observe(.zeros([10]))
        #expect(observer.range == 0...0)
        observer.observe(Tensor(shape: [2], elements: [-2, 2]))
        #expect(observer.range == -2...2)
    }
}
