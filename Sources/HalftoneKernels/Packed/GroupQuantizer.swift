import HalftoneFormats
import _HalftoneShims

/// Rounds one group of weights to integer codes with a scale and zero point that ``finder`` chose.
///
/// Scales are taken through the ``ScaleCodec`` before anything is measured or rounded, so that
/// what was searched is what is stored. The arithmetic does not depend on the processor.
public struct GroupQuantizer: Sendable {
    /// The levels.
    public let format: IntegerFormat

    /// How scales are stored.
    public let codec: ScaleCodec

    /// A scale as it is stored and the code of the value zero.
    public typealias Choice = ScaleChoice

    /// Quantizes to the levels of a format.
    public init(_ format: IntegerFormat, scales codec: ScaleCodec) {
        self.format = format
        self.codec = codec
    }

    /// The search for scales of this format.
    public var finder: ScaleFinder<IntegerFormat> { ScaleFinder(format, scales: codec) }

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
}
