import Foundation
import HalftoneKernels

/// Cosines and sines of the angles that rotary positions turn by: `[places, width / 2]` each.
public struct RotaryAngles: Sendable, Equatable {
    /// One row per place.
    public let cosines: Tensor

    /// One row per place.
    public let sines: Tensor

    /// The angles `place · frequency` of some places, Su et al., arXiv:2104.09864, section 3.2.2.
    ///
    /// Angles are rounded to float32, as in the code that checkpoints were trained with.
    ///
    /// - Parameters:
    ///   - places: For example `0 ..< length`.
    ///   - frequencies: One per pair, in radians per place.
    ///   - factor: On cosines and sines.
    public init(places: Range<Int>, frequencies: [Float], factor: Float = 1) {
        let angles = places.flatMap { place in frequencies.map { Double(Float(place) * $0) } }
        let shape = [places.count, frequencies.count]
        cosines = Tensor(shape: shape, elements: angles.map { Float(Foundation.cos($0)) * factor })
        sines = Tensor(shape: shape, elements: angles.map { Float(Foundation.sin($0)) * factor })
    }
}
