/// Floats that the threads of a team share; grows, and is written and read in place.
///
/// Who shares it sees to it that nobody reads what is being written.
@safe
package final class FloatBuffer: @unchecked Sendable {
    /// Floats that there is room for.
    package private(set) var count: Int

    private(set) var base: UnsafeMutablePointer<Float>

    /// Whether the memory is given back at the end.
    private let isOwner: Bool

    /// Takes zeroed memory.
    package init(count: Int) {
        self.count = count
        isOwner = true
        unsafe base = Self.allocate(count)
    }

    /// Works in memory that somebody else owns, who keeps it for as long as this is used.
    @unsafe
    init(borrowing base: UnsafeMutablePointer<Float>, count: Int) {
        self.count = count
        isOwner = false
        unsafe self.base = base
    }

    /// Takes memory for the values of an array.
    package convenience init(_ values: [Float]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { unsafe base[index] = value }
    }

    deinit { if isOwner { unsafe base.deallocate() } }

    /// Makes room for at least `wanted` floats; when it grows, the contents are lost.
    package func reserve(_ wanted: Int) {
        guard wanted > count else { return }
        precondition(isOwner, "borrowed memory has its size")
        unsafe base.deallocate()
        unsafe base = Self.allocate(wanted)
        count = wanted
    }

    /// The value at an index within `0 ..< count`.
    package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "index out of bounds")
            return unsafe base[index]
        }
        set {
            precondition(index >= 0 && index < count, "index out of bounds")
            unsafe base[index] = newValue
        }
    }

    /// Copies floats into an array.
    package func copy(_ range: Range<Int>, into array: inout [Float], at offset: Int = 0) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
        precondition(offset >= 0 && offset + range.count <= array.count, "the array has room")
        unsafe array.withUnsafeMutableBufferPointer { target in
            guard let to = target.baseAddress else { return }
            unsafe (to + offset).update(from: base + range.lowerBound, count: range.count)
        }
    }

    /// Copies floats to a place in another buffer.
    package func copy(_ range: Range<Int>, to other: FloatBuffer, at offset: Int) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
        precondition(offset >= 0 && offset + range.count <= other.count, "the buffer has room")
        unsafe (other.base + offset).update(from: base + range.lowerBound, count: range.count)
    }

    /// Copies an array's floats in from the start.
    package func take(_ values: [Float], from offset: Int, count: Int) {
        precondition(offset >= 0 && offset + count <= values.count && count <= self.count)
        unsafe values.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            unsafe base.update(from: from + offset, count: count)
        }
    }

    /// Decodes a row of a matrix to a place.
    package func decode(row: Int, of matrix: any WeightMatrix, at offset: Int) {
        precondition((0..<matrix.rows).contains(row) && offset >= 0)
        precondition(offset + matrix.columns <= count, "the buffer has room")
        unsafe matrix.decode(rows: row..<row + 1, into: base + offset)
    }

    /// Adds a row of a matrix to what is in a place.
    package func add(
        row: Int, of matrix: any WeightMatrix, at offset: Int, scratch: FloatBuffer
    ) {
        precondition(offset >= 0 && offset + matrix.columns <= count, "the buffer has room")
        scratch.decode(row: row, of: matrix, at: 0)
        unsafe FloatKernels.addScaled(
            base + offset, scratch.base, scale: 1, count: matrix.columns)
    }

    /// Multiplies some floats by a factor.
    package func scale(by factor: Float, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
        unsafe FloatKernels.scale(base + range.lowerBound, by: factor, count: range.count)
    }

    /// Moves groups of floats to places further apart.
    ///
    /// - Parameters:
    ///   - groups: The number of groups.
    ///   - old: Floats from one group to the next.
    ///   - new: The same afterwards, no fewer.
    ///   - kept: Floats of a group that matter.
    func regroup(groups: Int, from old: Int, to new: Int, keeping kept: Int) {
        precondition(groups * old <= count && kept <= old && old <= new && isOwner)
        let larger = unsafe Self.allocate(groups * new)
        for group in 0..<groups {
            unsafe (larger + group * new).update(from: base + group * old, count: kept)
        }
        unsafe base.deallocate()
        unsafe base = larger
        count = groups * new
    }

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        let bytes = max(count, 16) * MemoryLayout<Float>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        return unsafe memory.assumingMemoryBound(to: Float.self)
    }
}
