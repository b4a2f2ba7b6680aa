import _HalftoneShims

/// Vectors rounded to signed bytes with a scale for each run of 32 values.
///
/// A run's scale is its largest magnitude / 127 and each byte the nearest multiple, ties to even:
/// a value is off by at most 1/254 of the largest of its run. Memory for `capacity` vectors that
/// is written and read again and again; who shares it sees to it that nobody reads what is being
/// written.
@safe
package final class PanelVectors: @unchecked Sendable {
    /// Values of a vector.
    package let columns: Int

    /// Vectors that there is memory for.
    package let capacity: Int

    /// Vectors that lie together; a lone one lies alone.
    private let lanes: Int

    private let runs: Int
    private let places: Int
    private let memory: UnsafeMutableRawPointer

    /// Takes memory for `capacity` vectors of finite values.
    package init(columns: Int, capacity: Int) {
        self.columns = columns
        self.capacity = capacity
        runs = (columns + PanelMatrix.runLength - 1) / PanelMatrix.runLength
        lanes = capacity > 1 ? 16 : 1
        places = (capacity + lanes - 1) / lanes * lanes * runs
        // For each run 32 bytes, a scale and two sums.
        let bytes = max(places * (PanelMatrix.runLength + 3 * 4), 64)
        unsafe memory = .allocate(byteCount: bytes, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    deinit { unsafe memory.deallocate() }

    /// Some of the vectors.
    @unsafe
    func rows(_ range: Range<Int>) -> halftone_panel_vectors {
        let scales = unsafe memory + places * PanelMatrix.runLength
        let sums = unsafe scales + places * 4
        return unsafe halftone_panel_vectors(
            first: Int64(range.lowerBound), count: Int64(range.count), runs: Int64(runs),
            lanes: Int64(lanes), values: memory.assumingMemoryBound(to: Int8.self),
            scales: scales.assumingMemoryBound(to: Float.self),
            sums: sums.assumingMemoryBound(to: Int32.self))
    }

    /// Rounds some columns, whole runs or the last ones, of some vectors.
    ///
    /// - Parameters:
    ///   - values: The first column of the first vector; vectors are `stride` floats apart.
    ///   - stride: Floats from a vector to the next.
    ///   - range: The vectors.
    ///   - part: The columns.
    @unsafe
    func quantize(
        _ values: UnsafePointer<Float>, stride: Int, rows range: Range<Int>,
        columns part: Range<Int>
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity, "rows out of bounds")
        precondition(part.lowerBound >= 0 && part.upperBound <= columns, "columns out of bounds")
        precondition(part.lowerBound % PanelMatrix.runLength == 0, "columns begin with a run")
        unsafe withUnsafePointer(to: rows(range)) {
            unsafe halftone_panel_quantize(
                Processor.features, values, Int64(part.count), Int64(stride), $0,
                Int64(part.lowerBound / PanelMatrix.runLength))
        }
    }
}
