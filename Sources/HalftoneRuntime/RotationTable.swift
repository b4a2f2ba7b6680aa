import HalftoneKernels
import HalftoneModels
import HalftoneTensor

/// The rotation of rotary positions, for as many positions as a sequence has reached.
struct RotationTable: Sendable {
    private let spec: RopeSpec
    private var covered = 0

    /// Covers the positions that were asked for.
    private(set) var rotation: HeadRotation

    init(_ spec: RopeSpec) {
        self.spec = spec
        rotation = HeadRotation(dimensions: spec.dimensions, cosines: [], sines: [])
    }

    /// Makes the table cover positions up to `length − 1`.
    ///
    /// It is made anew for twice the length, unless frequencies depend on the length and differ
    /// there.
    mutating func cover(_ length: Int) {
        guard length > covered else { return }
        let frequencies = spec.frequencies(length: length)
        let ahead = max(2 * length, 256)
        let target = spec.frequencies(length: ahead) == frequencies ? ahead : length
        let angles = spec.angles(of: 0..<target)
        rotation = HeadRotation(
            dimensions: spec.dimensions, cosines: angles.cosines.elements.array,
            sines: angles.sines.elements.array)
        covered = target
    }
}
