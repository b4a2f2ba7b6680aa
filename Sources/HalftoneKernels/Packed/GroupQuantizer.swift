import HalftoneFormats
import _HalftoneShims

/// Chooses the scale and zero point of one group of weights, and rounds the group.
///
/// Scales are taken through the ``ScaleCodec`` before anything is measured or rounded, so that
/// what was searched is what is stored. The arithmetic does not depend on the processor.
public struct GroupQuantizer: Sendable {
    /// The levels.
    public let format: IntegerFormat

    /// How scales are stored.
    public let codec: ScaleCodec

    /// A scale as it is stored and the code of the value zero.
    public struct Choice: Sendable, Equatable {
        /// The distance of two levels; may be negative, is 0 when all values are.
        public var scale: Float
        /// The code whose value is zero; ½ at 1 bit, symmetric.
        public var zero: Float

        /// States a choice.
        public init(scale: Float, zero: Float) {
            self.scale = scale
            self.zero = zero
        }
    }

    /// Quantizes to the levels of a format.
    public init(_ format: IntegerFormat, scales codec: ScaleCodec) {
        self.format = format
        self.codec = codec
    }

    /// The exact scale whose codes cover every value, before it is stored.
    ///
    /// Symmetric: `max|x|` in as many steps as there are levels above zero (7 at 4 bits, ½ with two
    /// levels). Affine: the range from the least to the largest value, zero included, in
    /// `levels − 1` steps. Infinite when float32 has
    /// no such number.
    ///
    /// - Parameter values: Finite.
    public func coveringScale(_ values: ArraySlice<Float>) -> Float {
        let range = Self.range(values)
        return coveringScale(range)
    }

    /// The choice whose codes cover every value: none is off by more than half a step.
    ///
    /// The stored scale is the next one not below ``coveringScale(_:)``. (A zero point is rounded
    /// to a code, which moves the ends of the range by at most half a step.)
    ///
    /// - Parameter values: Finite.
    /// - Returns: A scale of 0 for zeros, an infinite one when the format has none that covers.
    public func covering(_ values: ArraySlice<Float>) -> Choice {
        let range = Self.range(values)
        let scale = codec.covering(coveringScale(range))
        return Choice(scale: scale, zero: zeroPoint(least: range.lowerBound, scale: scale))
    }

    /// Rounds a group to codes.
    ///
    /// - Parameters:
    ///   - values: The group; finite.
    ///   - choice: With a finite scale, as it is stored.
    ///   - codes: Receives the codes from `offset` on; must have room.
    ///   - offset: Where the group begins.
    public func round(
        _ values: ArraySlice<Float>, _ choice: Choice, into codes: inout [UInt8], at offset: Int
    ) {
        precondition(offset >= 0 && offset + values.count <= codes.count, "no room for the codes")
        let unit = Self.unit(for: values)
        let scale = choice.scale * unit
        guard scale != 0, scale.isFinite else {
            let zero = format.code(steps: choice.zero)
            for index in offset..<offset + values.count { codes[index] = zero }
            return
        }
        unsafe values.withUnsafeBufferPointer { values in
            unsafe codes.withUnsafeMutableBufferPointer { codes in
                guard let from = values.baseAddress, let to = codes.baseAddress else { return }
                unsafe halftone_packed_round(
                    Processor.features, from, Int64(values.count), unit, scale, choice.zero,
                    Float(format.maximumCode), to + offset)
            }
        }
    }

    /// The least and the largest value, zero included.
    static func range(_ values: ArraySlice<Float>) -> ClosedRange<Float> {
        unsafe values.withUnsafeBufferPointer { values in
            var least: Float = 0
            var largest: Float = 0
            for index in values.indices {
                let value = unsafe values[index]
                least = value < least ? value : least
                largest = value > largest ? value : largest
            }
            return least...largest
        }
    }

    /// The power of two that brings the largest magnitude to between 1 and 2.
    ///
    /// Squares of what is far from 1 would leave the range of float32.
    static func unit(for values: ArraySlice<Float>) -> Float {
        let range = range(values)
        return unit(for: max(-range.lowerBound, range.upperBound))
    }

    static func unit(for magnitude: Float) -> Float {
        guard magnitude > 0 else { return 1 }
        let exponent = min(max(-Int(magnitude.exponent), -126), 127)
        return Float(sign: .plus, exponent: exponent, significand: 1)
    }

    func coveringScale(_ range: ClosedRange<Float>) -> Float {
        if format.isSymmetric {
            let magnitude = max(-range.lowerBound, range.upperBound)
            return magnitude / (Float(format.maximumCode) - format.symmetricZeroPoint)
        }
        let width = Double(range.upperBound) - Double(range.lowerBound)
        let scale = Float(width / Double(format.maximumCode))
        // Rounding down would leave an end uncovered by a little more than half a step.
        return Double(scale) * Double(format.maximumCode) < width ? scale.nextUp : scale
    }

    func zeroPoint(least: Float, scale: Float) -> Float {
        if format.isSymmetric { return format.symmetricZeroPoint }
        guard scale > 0, scale.isFinite else { return 0 }
        return Float(format.code(steps: -least / scale))
    }
}
