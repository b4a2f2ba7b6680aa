import Foundation
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// A function of one number beside its definition, and where it is tried.
private struct ElementCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let range: ClosedRange<Float>
    /// Roundings of value and slope; a function of the C library counts for four.
    let roundings: Double
    let operation: @Sendable (Tensor) -> Tensor
    let definition: @Sendable (Double) -> Double

    init(
        _ name: String, _ range: ClosedRange<Float> = -3...3, roundings: Double = 8,
        _ operation: @escaping @Sendable (Tensor) -> Tensor,
        _ definition: @escaping @Sendable (Double) -> Double
    ) {
        testDescription = name
        self.range = range
        self.roundings = roundings
        self.operation = operation
        self.definition = definition
    }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

private let cases: [ElementCase] = [
    .init("exp") {
        $0.exp()
    } _: {
        exp($0)
    },
    .init("log", 0.1...5) {
        $0.log()
    } _: {
        log($0)
    },
    .init("square root", 0.1...5) {
        $0.squareRoot()
    } _: {
        $0.squareRoot()
    },
    .init("reciprocal square root", 0.1...5) {
        $0.reciprocalSquareRoot()
    } _: {
        1 / $0.squareRoot()
    },
    .init("squared") {
        $0.squared()
    } _: {
        $0 * $0
    },
    .init("power", 0.1...4, roundings: 16) {
        $0.power(2.5)
    } _: {
        pow($0, 2.5)
    },
    .init("power of 3") {
        $0.power(3)
    } _: {
        $0 * $0 * $0
    },
    .init("magnitude") {
        $0.abs()
    } _: {
        abs($0)
    },
    .init("clamped") {
        $0.clamped(to: -1.03...0.52)
    } _: {
        min(max($0, Double(Float(-1.03))), 0.52)
    },
    .init("sin") {
        $0.sin()
    } _: {
        sin($0)
    },
    .init("cos") {
        $0.cos()
    } _: {
        cos($0)
    },
    // The slope is the exponential of a rounded square of up to 9.
    .init("erf", roundings: 24) {
        $0.erf()
    } _: {
        erf($0)
    },
    .init("tanh", roundings: 16) {
        $0.tanh()
    } _: {
        tanh($0)
    },
    .init("sigmoid") {
        $0.sigmoid()
    } _: {
        sigmoid($0)
    },
    .init("relu") {
        $0.relu()
    } _: {
        max($0, 0)
    },
    .init("leaky relu") {
        $0.leakyReLU(slope: 0.25)
    } _: {
        $0 > 0 ? $0 : 0.25 * $0
    },
    .init("gelu", roundings: 24) {
        $0.gelu()
    } _: {
        $0 / 2 * (1 + erf($0 / 2.0.squareRoot()))
    },
    .init("gelu tanh", roundings: 24) {
        $0.gelu(.tanh)
    } _: {
        $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    },
    .init("silu", roundings: 16) {
        $0.silu()
    } _: {
        $0 * sigmoid($0)
    },
    .init("softplus") {
        $0.softplus()
    } _: {
        log1p(exp($0))
    },
    .init("negative") {
        -$0
    } _: {
        -$0
    },
    .init("plus a number") {
        $0 + 1.5
    } _: {
        $0 + 1.5
    },
    .init("number minus") {
        1.5 - $0
    } _: {
        1.5 - $0
    },
    .init("times a number") {
        1.5 * $0
    } _: {
        $0 * 1.5
    },
    .init("over a number") {
        $0 / 3
    } _: {
        $0 / 3
    },
    .init("number over", 0.5...2) {
        3 / $0
    } _: {
        3 / $0
    },
]

@Suite struct ElementGradientTests {
    /// 41 numbers take whole vectors and a rest.
    @Test(arguments: cases)
    fileprivate func functionsFollowTheirDefinition(_ element: ElementCase) {
        let x = Tensor.uniform([41], in: element.range, seed: 11)
        let failures = checkGradients(
            element.testDescription, at: [x], roundings: element.roundings
        ) {
            element.operation($0[0])
        } reference: {
            $0[0].map(element.definition)
        }
        #expect(failures.isEmpty, "\(failures)")
    }

    /// More numbers than one thread takes; the first and the last are looked at.
    @Test(arguments: cases)
    fileprivate func longArraysAreWholeAndTheirInputStays(_ element: ElementCase) {
        let x = Tensor.uniform([70_001], in: element.range, seed: 12)
        let copy = Tensor.uniform([70_001], in: element.range, seed: 12)
        let tracked = x.tracked()
        let slopes = element.operation(tracked).gradient(for: tracked)
        let few = x.sliced(.from(0, by: 10_000)).tracked()
        #expect(element.operation(few).gradient(for: few) == slopes.sliced(.from(0, by: 10_000)))
        #expect(x == copy)
    }

    @Test func stepsHaveNoGradient() {
        let x = Tensor(shape: [5], elements: [-1.5, -0.5, 0, 2.5, 3.5]).tracked()
        #expect(x.rounded().elements == [-2, 0, 0, 2, 4])
        #expect(x.floor().elements == [-2, -1, 0, 2, 3])
        #expect(x.ceil().elements == [-1, 0, 0, 3, 4])
        #expect(x.sign().elements == [-1, -1, 0, 1, 1])
        #expect(!x.rounded().isTracked)
        #expect((x.rounded() * x).gradient(for: x) == x.rounded())
        #expect((x .> 0).elements == [0, 0, 0, 1, 1])
        #expect((x .== 2.5).elements == [0, 0, 0, 1, 0])
        #expect((x .<= -0.5).elements == [1, 1, 0, 0, 0])
    }

    @Test func specialNumbersGoThrough() {
        let x = Tensor(shape: [4], elements: [.nan, .infinity, -.infinity, 0])
        let clamped = x.clamped(to: -1...1).elements
        #expect(clamped[0].isNaN && clamped[1] == 1 && clamped[2] == -1)
        #expect(x.relu().elements[0].isNaN && x.relu().elements[2] == 0)
        #expect(x.softplus().elements[0].isNaN && x.softplus().elements[1] == .infinity)
        #expect(x.sign().elements[0].isNaN)
        #expect(x.max().item.isNaN && x.min().item.isNaN)
        #expect(Tensor.maximum(x, Tensor(0)).elements[0].isNaN)
        let mask = Tensor(shape: [4], elements: [0, 1, 1, 0])
        #expect(x.choosing(where: mask, else: 7).elements == [7, .infinity, -.infinity, 7])
    }
}

@Suite struct ElementAccuracyTests {
    /// The documented bounds, against Double: 2 ulp for the logarithm, 6 for the error function.
    @Test func logarithmAndErrorFunctionKeepTheirBounds() {
        let sizes = (0..<40_000).map {
            Float(sign: .plus, exponent: $0 % 252 - 140, significand: 1)
        }
        let x = Tensor.uniform([40_000], in: 1...2, seed: 13)
        let numbers = zip(x.elements, sizes).map { $0 * $1 }
        let near = Tensor.uniform([40_000], in: 0.5...2, seed: 14).elements.array
        for values in [numbers, near] {
            let found = Tensor(shape: [values.count], elements: values).log().elements.array
            let expected = values.map { log(Double($0)) }
            let failures = checkClose(
                found, expected, within: expected.map { 2 * Double(Float($0).ulp) })
            #expect(failures.isEmpty, "\(failures)")
        }
        let points = Tensor.uniform([40_000], in: -5...5, seed: 15).elements.array + numbers
        let found = Tensor(shape: [points.count], elements: points).erf().elements.array
        let expected = points.map { erf(Double($0)) }
        let failures = checkClose(
            found, expected, within: expected.map { 6 * Double(Float($0).ulp) })
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test func logarithmHasItsEnds() {
        let x = Tensor(shape: [6], elements: [0, -0.0, .infinity, -1, .nan, -.infinity])
        let y = x.log().elements
        #expect(y[0] == -.infinity && y[1] == -.infinity && y[2] == .infinity)
        #expect(y[3].isNaN && y[4].isNaN && y[5].isNaN)
    }
}
