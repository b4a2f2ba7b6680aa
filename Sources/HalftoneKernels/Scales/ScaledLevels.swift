import HalftoneFormats
import _HalftoneShims

/// What a scale search asks of a format: its levels, and what rounding a group to them costs.
///
/// Formats are equal before the search: integers, floats, codebooks, ternary and binary levels,
/// and the parts of blocks. The value of a number is `scale · (level − zero)`.
public protocol ScaledLevels: Sendable {
    /// The least and the largest level.
    var ends: ClosedRange<Float> { get }

    /// Which zero points a group may have.
    var zeroPoints: ZeroPoints { get }

    /// The level nearest to a number of steps, `value / scale + zero`.
    func level(nearest steps: Float) -> Float

    /// Measures what a scale and zero point make of a group.
    ///
    /// - Parameters:
    ///   - values: Finite.
    ///   - importance: What each square counts, as many as values, the largest near 1; nil for 1.
    ///   - unit: A power of two that multiplies the values first.
    ///   - scale: For values times `unit`; finite, not 0.
    ///   - zero: The level that stands for 0.
    func fit(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float
    ) -> ScaleFit
}

/// Which levels may stand for 0.
public enum ZeroPoints: Sendable, Equatable {
    /// Always the same number of steps.
    case fixed(Float)
    /// Any whole number between the ends, chosen for each group.
    case codes
}

/// Sums over a group that was rounded, each term times its importance.
public struct ScaleFit: Sendable, Equatable {
    /// `Σ w·(x − scale·q)²`, with `q` the level less the zero point.
    public var error = 0.0
    /// `Σ w·x·q`.
    public var cross = 0.0
    /// `Σ w·q²`.
    public var square = 0.0

    /// Sums of no numbers.
    public init() {}
}

extension ScaledLevels {
    /// The sums in Double, for any levels.
    public func fit(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float
    ) -> ScaleFit {
        plainFit(values, importance, unit: unit, scale: scale, zero: zero)
    }

    /// The definition of ``fit(_:_:unit:scale:zero:)``.
    func plainFit(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float
    ) -> ScaleFit {
        precondition(importance.map { $0.count == values.count } ?? true, "a weight for each")
        var fit = ScaleFit()
        var place = importance?.startIndex ?? 0
        for value in values {
            let x = value * unit
            let q = Double(level(nearest: x / scale + zero) - zero)
            let weight = importance.map { Double($0[place]) } ?? 1
            let distance = Double(x) - Double(scale) * q
            fit.error += weight * distance * distance
            fit.cross += weight * Double(x) * q
            fit.square += weight * q * q
            place += 1
        }
        return fit
    }
}

extension IntegerFormat: ScaledLevels {
    /// The first and the last code.
    public var ends: ClosedRange<Float> { 0...Float(maximumCode) }

    /// The middle, or a code for each group.
    public var zeroPoints: ZeroPoints { isSymmetric ? .fixed(symmetricZeroPoint) : .codes }

    /// The nearest code, ties to even.
    public func level(nearest steps: Float) -> Float { Float(code(steps: steps)) }

    /// In float32 lanes, the same on every processor.
    public func fit(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float
    ) -> ScaleFit {
        .ofCodes(
            values, importance, unit: unit, scale: scale, zero: zero, maximum: Float(maximumCode))
    }
}

extension ScaleFit {
    /// Measures codes from 0 to a number, in float32 lanes.
    static func ofCodes(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float, maximum: Float
    ) -> ScaleFit {
        unsafe measured(values, importance) { base, weights, count, sums in
            unsafe halftone_packed_fit(
                Processor.features, base, weights, count, unit, scale, zero, maximum, sums)
        }
    }

    /// Measures the levels of a table, 2 to 16 that ascend, in float32 lanes.
    static func ofTable(
        _ table: [Float], _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?,
        unit: Float, scale: Float
    ) -> ScaleFit {
        precondition((2...16).contains(table.count), "2 to 16 levels")
        return unsafe measured(values, importance) { base, weights, count, sums in
            unsafe table.withUnsafeBufferPointer { levels in
                guard let first = levels.baseAddress else { return }
                unsafe halftone_table_fit(
                    Processor.features, base, weights, count, unit, scale, first,
                    Int32(levels.count), sums)
            }
        }
    }

    @inline(__always)
    private static func measured(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?,
        _ body: (
            UnsafePointer<Float>, UnsafePointer<Float>?, Int64, UnsafeMutablePointer<halftone_fit>
        ) -> Void
    ) -> ScaleFit {
        precondition(importance.map { $0.count == values.count } ?? true, "a weight for each")
        var sums = halftone_fit()
        unsafe values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            guard let importance else {
                return unsafe body(base, nil, Int64(values.count), &sums)
            }
            unsafe importance.withUnsafeBufferPointer {
                unsafe body(base, $0.baseAddress, Int64(values.count), &sums)
            }
        }
        var fit = ScaleFit()
        (fit.error, fit.cross, fit.square) = (sums.error, sums.cross, sums.square)
        return fit
    }
}

extension NumberFormat: ScaledLevels {
    /// The ``NumberFormat/range``.
    public var ends: ClosedRange<Float> { range }

    /// 0, but a code for each group of affine integers.
    public var zeroPoints: ZeroPoints {
        if case .integer(let format) = definition, !format.isSymmetric { return .codes }
        return .fixed(0)
    }

    /// The nearest level, ties as the format has them.
    public func level(nearest steps: Float) -> Float { rounded(steps) }

    /// As ``ScaledLevels`` defines it; integers as their own format measures.
    public func fit(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float, scale: Float,
        zero: Float
    ) -> ScaleFit {
        if case .integer(let format) = definition {
            // Levels of symmetric formats are codes less the zero point.
            let zero = format.isSymmetric ? format.symmetricZeroPoint : zero
            return format.fit(values, importance, unit: unit, scale: scale, zero: zero)
        }
        return plainFit(values, importance, unit: unit, scale: scale, zero: zero)
    }
}
