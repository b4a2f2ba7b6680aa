/// Rotates pairs of numbers in `[items, places, heads, width]` by an angle per place and pair.
package struct Rotation: Sendable {
    let places: Int
    let heads: Int
    let width: Int
    /// Numbers of a head that are rotated, in pairs; the others stay.
    let rotated: Int
    /// Whether a pair lies side by side, else half of `rotated` apart.
    let isInterleaved: Bool

    /// Describes the array.
    package init(places: Int, heads: Int, width: Int, rotated: Int, isInterleaved: Bool) {
        precondition(rotated % 2 == 0 && rotated <= width)
        self.places = places
        self.heads = heads
        self.width = width
        self.rotated = rotated
        self.isInterleaved = isInterleaved
    }

    /// Replaces each pair `(a, b)` by `(a·cos − b·sin, a·sin + b·cos)`, or the other way round.
    ///
    /// - Parameters:
    ///   - cosines: `[places, rotated / 2]`, and the sines.
    ///   - direction: 1, or −1 to rotate back.
    package func callAsFunction(
        _ x: inout FloatArray, cosines: FloatArray, sines: FloatArray, direction: Float
    ) {
        let half = rotated / 2
        precondition(cosines.count == places * half && sines.count == cosines.count)
        let size = max(1, heads * width)
        let rows = x.count / size
        let (c, s) = unsafe (Shared(cosines.pointer), Shared(sines.pointer))
        unsafe x.rewrite { source, output in
            unsafe RowFunctions.eachRow(rows, size, cost: 1) { row in
                let angle = row % places * half
                for head in 0..<heads {
                    let start = row * size + head * width
                    let (from, to) = unsafe (source.pointer + start, output.pointer + start)
                    unsafe rotate(from, to, c.pointer + angle, s.pointer + angle, direction)
                    if unsafe UnsafePointer(to) != from, rotated < width {
                        unsafe (to + rotated).update(from: from + rotated, count: width - rotated)
                    }
                }
            }
        }
    }

    @inline(__always) @unsafe
    private func rotate(
        _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>,
        _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ direction: Float
    ) {
        let half = rotated / 2
        var index = 0
        while !isInterleaved, index &+ 8 <= half {
            let (a, b) = unsafe (FloatRun.load(from + index), FloatRun.load(from + index + half))
            let c = unsafe FloatRun.load(cosines + index)
            let s = unsafe FloatRun.load(sines + index) * direction
            unsafe FloatRun.store(a * c - b * s, to: to + index)
            unsafe FloatRun.store(a * s + b * c, to: to + index + half)
            index &+= 8
        }
        while index < half {
            let first = isInterleaved ? 2 * index : index
            let second = isInterleaved ? first + 1 : index + half
            let (a, b) = unsafe (from[first], from[second])
            let c = unsafe cosines[index]
            let s = unsafe sines[index] * direction
            unsafe to[first] = a * c - b * s
            unsafe to[second] = a * s + b * c
            index &+= 1
        }
    }
}
