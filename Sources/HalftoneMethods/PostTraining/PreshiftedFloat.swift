import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// Activations as small floats with one real exponent bias, and an integer added to it for each
/// channel.
///
/// Source: S. Liu et al., "LLM-FP4", arXiv:2310.16836, section 4.2 (pre-shifted exponent bias).
public struct PreshiftedFloat: Sendable, Equatable {
    /// The split into exponent and mantissa; its own bias is the usual one.
    public let format: FloatFormat

    /// The bias ρ of all channels.
    public let bias: Double

    /// What is added to it for each channel, 0 to `2^E − 1`.
    public let shifts: [Int]

    private let grid: SmallFloatGrid
    private let scale: Float

    /// Chooses bias and shifts for channels of known ranges.
    ///
    /// - Parameters:
    ///   - format: Signed, with subnormal numbers and without special codes.
    ///   - largest: The largest magnitude of each channel.
    ///   - factor: What multiplies the largest of all; below 1 it is clipped.
    ///   - hasShifts: Whether channels of small range are shifted.
    public init(_ format: FloatFormat, largest: [Float], factor: Double = 1, hasShifts: Bool) {
        let grid = SmallFloatGrid(format)
        let most = factor * Double(largest.max() ?? 0)
        let scale = most > 0 ? Float(most / Double(grid.top)) : 1
        self.format = format
        self.grid = grid
        self.scale = scale
        let bias = grid.bias(scale: Double(scale))
        self.bias = bias
        let first = bias.rounded()
        let last = first + Double((1 << format.exponentBits) - 1)
        shifts = largest.map { largest in
            guard hasShifts else { return 0 }
            guard largest > 0 else { return Int(last - first) }
            let own = grid.bias(scale: Double(largest) / Double(grid.top)).rounded()
            return Int(min(max(own, first), last) - first)
        }
    }

    /// Bytes of the shifts, `E` bits each, and of the bias.
    public var byteCount: Int {
        4 + (shifts.allSatisfy { $0 == 0 } ? 0 : (shifts.count * format.exponentBits + 7) / 8)
    }

    /// Rounds each channel with its bias.
    ///
    /// - Parameter values: `[tokens, channels]`.
    public func round(_ values: inout [Float]) {
        let scales = shifts.map { scale * Self.power(-$0) }
        apply(&values) { grid.nearest($0 / scales[$1]) * scales[$1] }
    }

    /// Shifts each channel, `x · 2^shift`, and rounds all with the bias ρ.
    ///
    /// - Parameter values: `[tokens, channels]`.
    public func roundShifted(_ values: inout [Float]) {
        let powers = shifts.map { Self.power($0) }
        apply(&values) { grid.nearest($0 * powers[$1] / scale) * scale }
    }

    /// The matrix with each column times `2^−shift`, for activations of ``roundShifted(_:)``.
    public func folded(_ matrix: any WeightMatrix) -> any WeightMatrix {
        precondition(matrix.columns == shifts.count, "a shift for each column")
        let powers = shifts.map { Self.power(-$0) }
        var values = matrix.decoded()
        apply(&values) { $0 * powers[$1] }
        return Tensor(shape: [matrix.rows, matrix.columns], elements: values).weightMatrix()
    }

    private func apply(_ values: inout [Float], _ body: (Float, Int) -> Float) {
        let width = shifts.count
        precondition(width > 0 && values.count.isMultiple(of: width), "[tokens, channels]")
        for first in stride(from: 0, to: values.count, by: width) {
            for channel in 0..<width {
                values[first + channel] = body(values[first + channel], channel)
            }
        }
    }

    private static func power(_ exponent: Int) -> Float {
        Float(sign: .plus, exponent: exponent, significand: 1)
    }
}

/// The levels of a small float with its usual bias, and the nearest of them without a search.
struct SmallFloatGrid: Sendable, Equatable {
    let format: FloatFormat

    /// The largest level.
    let top: Float

    /// The pattern of `2^(1 − bias)`, below which steps stay the same.
    private let leastPattern: UInt32

    /// Adding and subtracting this many powers of two of a number rounds it to `M` bits.
    private let magic: Float

    init(_ format: FloatFormat) {
        precondition(
            format.isSigned && format.hasSubnormals && format.specials == .none
                && format.bias == format.usualBias,
            "a signed format with subnormal numbers, without special codes, of the usual bias")
        self.format = format
        top = format.value(of: UInt8((1 << (format.exponentBits + format.mantissaBits)) - 1))
        let least = Float(sign: .plus, exponent: 1 - Int(format.bias), significand: 1)
        leastPattern = least.bitPattern
        magic = Float(sign: .plus, exponent: 23 - format.mantissaBits, significand: 1.5)
    }

    /// The real bias of a format whose levels are these times a scale.
    func bias(scale: Double) -> Double { format.bias - log2(scale) }

    /// The nearest level, ties to the even mantissa; beyond the largest level that.
    func nearest(_ value: Float) -> Float {
        let clipped = min(max(value, -top), top)
        let power = Float(bitPattern: max(clipped.bitPattern & 0x7F80_0000, leastPattern))
        let magic = power * magic
        return (clipped + magic) - magic
    }
}
