import Foundation
import HalftoneKernels

/// Cosines and sines of the angles that rotary positions turn by: `[places, width / 2]` each.
public struct RotaryAngles: Sendable, Equatable {
    /// One row per place.
    public let cosines: Tensor

    /// One row per place.
    public let sines: Tensor

    /// The angles `place · base^(−2·pair/width)` of some places.
    ///
    /// Su et al., arXiv:2104.09864, section 3.2.2; computed in Double.
    ///
    /// - Parameters:
    ///   - places: For example `0 ..< length`.
    ///   - width: Numbers that are turned, in pairs; even.
    ///   - base: 10000 in the paper.
    public init(places: Range<Int>, width: Int, base: Double = 10_000) {
        self.init(
            places: places,
            frequencies: (0..<width / 2).map { pow(base, -2 * Double($0) / Double(width)) })
    }

    /// The angles `place · frequency` of some places.
    ///
    /// - Parameters:
    ///   - places: Places of the tokens.
    ///   - frequencies: One per pair, in radians per place.
    public init(places: Range<Int>, frequencies: [Double]) {
        let angles = places.flatMap { place in frequencies.map { Double(place) * $0 } }
        let shape = [places.count, frequencies.count]
        cosines = Tensor(shape: shape, elements: angles.map { Float(Foundation.cos($0)) })
        sines = Tensor(shape: shape, elements: angles.map { Float(Foundation.sin($0)) })
    }
}
