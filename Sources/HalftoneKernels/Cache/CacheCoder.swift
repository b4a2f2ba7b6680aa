import HalftoneFormats
import _HalftoneShims

/// Rounds groups of keys or values to the codes of a ``CacheFormat``: the definition of what a
/// packed cache holds.
///
/// Scales are chosen once, when a group is whole: the largest magnitude meets the last level of a
/// format, or with an even number of integer levels the lower one, whose sign the scale takes;
/// minimum and maximum meet the ends of an affine format; formats of two and three levels have the
/// mean magnitude for their level (VidKV, arXiv:2503.16257, equations 4 and 5). Codes are rounded
/// with the scale as it is stored.
package struct CacheCoder: Sendable {
    /// What is stored.
    package let format: CacheFormat

    /// Bits of an element.
    package let bits: Int

    /// What a code stands for where it is no integer, at least sixteen entries.
    let table: FloatBuffer?

    /// What is taken off codes without a minimum.
    let zero: Float

    /// What scales are: one of the kinds of the header `cache.h`.
    let scaleKind: Int32

    private let rule: Rule

    private enum Rule {
        case floats
        case exponent(limit: Float)
        case affine(IntegerFormat)
        case mean(IntegerFormat)
        case signedEnd(IntegerFormat)
        case magnitude(IntegerFormat)
        case table(NumberFormat, largest: Float)
    }

    /// What a group shares, as it is stored: float16 patterns, or the exponent's byte.
    package struct Shared: Equatable, Sendable {
        package var scale: UInt16 = 0
        package var minimum: UInt16 = 0
    }

    /// Makes what rounding needs.
    package init(_ format: CacheFormat) {
        self.format = format
        bits = format.bits
        var table: FloatBuffer?
        var zero: Float = 0
        var scaleKind = HALFTONE_CACHE_HALF_SCALES
        switch format.elements {
        case .float32, .float16:
            rule = .floats
            scaleKind = HALFTONE_CACHE_NO_SCALES
        case .blockFloat(let bits):
            zero = Float(1 << (bits - 1))
            rule = .exponent(limit: zero - 1)
            scaleKind = HALFTONE_CACHE_EXPONENT_SCALES
        case .numbers(let numbers):
            switch numbers.definition {
            case .integer(let integers):
                if !integers.isSymmetric {
                    rule = .affine(integers)
                } else {
                    zero = integers.symmetricZeroPoint
                    rule =
                        integers.levels <= 3
                        ? .mean(integers)
                        : integers.levels.isMultiple(of: 2)
                            ? .signedEnd(integers) : .magnitude(integers)
                }
            default:
                // Codes that are no finite number are never written.
                let values = numbers.values.map { $0.isFinite ? $0 : 0 }
                table = FloatBuffer(
                    values + [Float](repeating: 0, count: max(0, 16 - values.count)))
                rule = .table(
                    numbers, largest: max(-numbers.range.lowerBound, numbers.range.upperBound))
            }
        }
        self.table = table
        self.zero = zero
        self.scaleKind = Int32(scaleKind)
    }

    /// What a group is read as after it was stored.
    ///
    /// - Parameter group: Numbers that share a scale, as those of formats other than floats do.
    package func rounded(_ group: [Float]) -> [Float] {
        precondition(format.hasGroups && !group.isEmpty, "there is a group")
        var codes = [UInt8](repeating: 0, count: group.count)
        let shared = unsafe group.withUnsafeBufferPointer { values in
            unsafe codes.withUnsafeMutableBufferPointer { codes in
                guard let base = codes.baseAddress else { return Shared() }
                return unsafe encode(values, into: base)
            }
        }
        return codes.map { value($0, shared) }
    }

    /// The value of a code.
    package func value(_ code: UInt8, _ shared: Shared) -> Float {
        let level = table.map { $0[Int(code)] } ?? Float(code)
        if scaleKind == Int32(HALFTONE_CACHE_EXPONENT_SCALES) {
            return (level - zero) * Float(bitPattern: UInt32(shared.scale) << 23)
        }
        let scale = SmallFloat.float16(shared.scale)
        return format.hasMinimum
            ? scale * level + SmallFloat.float16(shared.minimum) : scale * (level - zero)
    }

    /// Rounds a group.
    ///
    /// - Parameters:
    ///   - values: The group; at least one. NaN is taken for the least magnitude that there is.
    ///   - codes: Receives as many codes.
    @unsafe
    func encode(
        _ values: UnsafeBufferPointer<Float>, into codes: UnsafeMutablePointer<UInt8>
    ) -> Shared {
        switch rule {
        case .floats: return Shared()
        case .exponent(let limit):
            let largest = unsafe Self.largest(values).magnitude
            guard largest > 0, largest.isFinite else {
                return unsafe fill(codes, values.count, Shared())
            }
            let shift = Int(limit + 1).trailingZeroBitCount - 1
            let exponent = min(max(Int(largest.exponent) - shift + 127, 1), 254)
            let step = Float(bitPattern: UInt32(exponent) << 23)
            for index in 0..<values.count {
                let level = unsafe (values[index] / step).rounded(.toNearestOrEven)
                let clamped = level > limit ? limit : level < -limit ? -limit : level
                unsafe codes[index] = UInt8(clamped.isNaN ? zero : clamped + zero)
            }
            return Shared(scale: UInt16(exponent))
        case .affine(let integers):
            return unsafe affine(values, integers, codes)
        case .mean(let integers):
            var sum: Float = 0
            for index in 0..<values.count { unsafe sum += values[index].magnitude }
            // Two levels are half a step from zero, the outer ones of three a whole step.
            let steps: Float = integers.levels == 2 ? 0.5 : 1
            let scale = sum / Float(values.count) / steps
            return unsafe integer(values, integers, scale: scale, codes)
        case .signedEnd(let integers):
            let largest = unsafe Self.largest(values)
            return unsafe integer(values, integers, scale: -largest / zero, codes)
        case .magnitude(let integers):
            let largest = unsafe Self.largest(values).magnitude
            return unsafe integer(values, integers, scale: largest / zero, codes)
        case .table(let numbers, let limit):
            let largest = unsafe Self.largest(values).magnitude
            let scale = SmallFloat.float16Bits(largest / limit)
            let step = SmallFloat.float16(scale)
            guard step > 0, step.isFinite else {
                return unsafe fill(codes, values.count, Shared(), numbers.code(of: 0))
            }
            for index in 0..<values.count {
                unsafe codes[index] = numbers.code(of: values[index] / step)
            }
            return Shared(scale: scale)
        }
    }

    /// The value of largest magnitude; 0 if there is none but NaN.
    @unsafe
    private static func largest(_ values: UnsafeBufferPointer<Float>) -> Float {
        var result: Float = 0
        for index in 0..<values.count {
            let value = unsafe values[index]
            if value.magnitude > result.magnitude { result = value }
        }
        return result
    }

    @unsafe
    private func fill(
        _ codes: UnsafeMutablePointer<UInt8>, _ count: Int, _ shared: Shared, _ code: UInt8? = nil
    ) -> Shared {
        unsafe codes.update(repeating: code ?? UInt8(zero), count: count)
        return shared
    }

    @unsafe
    private func integer(
        _ values: UnsafeBufferPointer<Float>, _ integers: IntegerFormat, scale: Float,
        _ codes: UnsafeMutablePointer<UInt8>
    ) -> Shared {
        let bits = SmallFloat.float16Bits(scale)
        let step = SmallFloat.float16(bits)
        guard step != 0, step.isFinite else {
            return unsafe fill(codes, values.count, Shared())
        }
        for index in 0..<values.count {
            unsafe codes[index] = integers.code(steps: values[index] / step + zero)
        }
        return Shared(scale: bits)
    }

    @unsafe
    private func affine(
        _ values: UnsafeBufferPointer<Float>, _ integers: IntegerFormat,
        _ codes: UnsafeMutablePointer<UInt8>
    ) -> Shared {
        var least = Float.infinity
        var most = -Float.infinity
        for index in 0..<values.count {
            let value = unsafe values[index]
            if value < least { least = value }
            if value > most { most = value }
        }
        guard least.isFinite, most.isFinite else {
            return unsafe fill(codes, values.count, Shared(), 0)
        }
        let minimum = SmallFloat.float16Bits(least)
        let lower = SmallFloat.float16(minimum)
        let scale = SmallFloat.float16Bits((most - lower) / Float(integers.maximumCode))
        let step = SmallFloat.float16(scale)
        guard step > 0, step.isFinite, lower.isFinite else {
            return unsafe fill(
                codes, values.count, Shared(minimum: lower.isFinite ? minimum : 0), 0)
        }
        for index in 0..<values.count {
            unsafe codes[index] = integers.code(steps: (values[index] - lower) / step)
        }
        return Shared(scale: scale, minimum: minimum)
    }
}
