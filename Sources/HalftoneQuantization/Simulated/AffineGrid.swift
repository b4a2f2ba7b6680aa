import HalftoneFormats
import HalftoneTensor

/// Evenly spaced levels over a range, one of them exactly zero.
///
/// The range is widened to hold 0, and moved by less than half a step so that 0 is a level: zero
/// padding and the zeros of a rectifier then carry no error.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, equations 1 to 4, and B. Jacob et al.,
/// arXiv:1712.05877, section 3.
public struct AffineGrid: Sendable, Equatable {
    /// The number of levels, 2 to 65536.
    public let levels: Int

    /// The distance between levels, above 0.
    public let step: Float

    /// The code of zero, from 0 to ``highestCode``.
    public let zeroPoint: Int

    /// Spreads levels over a range.
    ///
    /// - Parameters:
    ///   - range: Finite ends; widened to hold 0. A range of 0 alone gets a step of 2⁻¹⁰⁰.
    ///   - bits: 1 to 16.
    public init(_ range: ClosedRange<Float>, bits: Int) {
        precondition((1...16).contains(bits), "an affine grid has 1 to 16 bits, not \(bits)")
        self.init(range, levels: 1 << bits)
    }

    /// Spreads any number of levels over a range.
    ///
    /// - Parameters:
    ///   - range: Finite ends; widened to hold 0. A range of 0 alone gets a step of 2⁻¹⁰⁰.
    ///   - levels: 2 to 65536.
    public init(_ range: ClosedRange<Float>, levels: Int) {
        precondition((2...1 << 16).contains(levels), "an affine grid has 2 to 65536 levels")
        precondition(
            range.lowerBound.isFinite && range.upperBound.isFinite, "range \(range) is not finite")
        let low = Double(min(range.lowerBound, 0))
        let high = Double(max(range.upperBound, 0))
        let top = levels - 1
        let step = max((high - low) / Double(top), 0x1p-100)
        self.levels = levels
        self.step = Float(step)
        zeroPoint = min(max(Int((-low / step).rounded(.toNearestOrEven)), 0), top)
    }

    /// Bits of a code on its own.
    public var bits: Int { Int.bitWidth - highestCode.leadingZeroBitCount }

    /// The largest code.
    public var highestCode: Int { levels - 1 }

    /// The code of the level nearest to a number, the even one of two; 0 for NaN.
    public func code(of value: Float) -> Int {
        let steps = (value / step).rounded(.toNearestOrEven) + Float(zeroPoint)
        return steps > 0 ? Int(min(steps, Float(highestCode))) : 0
    }

    /// The level of a code.
    public func value(of code: Int) -> Float { Float(code - zeroPoint) * step }

    /// The outermost levels.
    public var range: ClosedRange<Float> {
        Float(-zeroPoint) * step...Float(highestCode - zeroPoint) * step
    }

    /// The codes less the zero point.
    public var centeredCodes: CodeRange { CodeRange(-zeroPoint...highestCode - zeroPoint) }
}

extension Tensor {
    /// The levels of a grid nearest to the numbers; the gradient passes within its range.
    public func simulated(_ grid: AffineGrid, ties: TieRule = .toEven) -> Tensor {
        simulated(step: Tensor(grid.step), codes: grid.centeredCodes, ties: ties)
    }

    /// The codes of a grid, 0 to its highest, as floats; no gradient flows back.
    public func codes(_ grid: AffineGrid, ties: TieRule = .toEven) -> Tensor {
        codes(step: Tensor(grid.step), codes: grid.centeredCodes, ties: ties)
            + Float(grid.zeroPoint)
    }

    /// The levels nearest to the numbers, each index of the first axis with a grid of its own.
    ///
    /// - Parameter bits: 1 to 16; each grid spans the smallest and largest number of its slice.
    public func simulatedPerChannelAffine(bits: Int, ties: TieRule = .toEven) -> Tensor {
        let slices = (0..<shape[0]).map { channel in
            let slice = rows(channel..<channel + 1)
            let numbers = slice.stopGradient()
            let grid = AffineGrid(numbers.min().item...numbers.max().item, bits: bits)
            return slice.simulated(grid, ties: ties)
        }
        return slices.isEmpty ? self : Tensor.concatenate(slices)
    }
}
