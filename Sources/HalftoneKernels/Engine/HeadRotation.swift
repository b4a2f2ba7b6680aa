/// Cosines and sines of rotary positions, `[positions][dimensions / 2]` each.
///
/// Dimension `i` of a head is turned with dimension `i + dimensions / 2`; dimensions beyond stay.
package struct HeadRotation: Sendable {
    /// Dimensions of a head that are turned.
    package let dimensions: Int

    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// Keeps the tables of positions 0, 1, ….
    package init(dimensions: Int, cosines: [Float], sines: [Float]) {
        precondition(dimensions % 2 == 0 && cosines.count == sines.count)
        self.dimensions = dimensions
        self.cosines = FloatBuffer(cosines)
        self.sines = FloatBuffer(sines)
    }

    /// Turns one head.
    @unsafe
    func turn(_ head: UnsafeMutablePointer<Float>, position: Int) {
        let half = dimensions / 2
        let start = position * half
        precondition(position >= 0 && start + half <= cosines.count, "the position is covered")
        let cosine = unsafe cosines.base + start
        let sine = unsafe sines.base + start
        for pair in 0..<half {
            let first = unsafe head[pair]
            let second = unsafe head[half &+ pair]
            unsafe head[pair] = first * cosine[pair] - second * sine[pair]
            unsafe head[half &+ pair] = second * cosine[pair] + first * sine[pair]
        }
    }
}
