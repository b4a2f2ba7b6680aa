import Foundation
import HalftoneKernels
import HalftoneModels

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
        let factor = spec.attentionFactor
        var cosines: [Float] = []
        var sines: [Float] = []
        for position in 0..<target {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosines.append(Float(cos(angle)) * factor)
                sines.append(Float(sin(angle)) * factor)
            }
        }
        rotation = HeadRotation(dimensions: spec.dimensions, cosines: cosines, sines: sines)
        covered = target
    }
}
