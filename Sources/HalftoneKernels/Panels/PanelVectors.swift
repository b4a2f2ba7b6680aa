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

    private let runs: Int
    private let memory: UnsafeMutableRawPointer

    /// Takes memory for `capacity` vectors of finite values.
    package init(columns: Int, capacity: Int) {
        self.columns = columns
        self.capacity = capacity
        runs = (columns + PanelMatrix.runLength - 1) / PanelMatrix.runLength
        // For each run 32 bytes, a scale and two sums.
        let bytes = max(capacity * runs * (PanelMatrix.runLength + 3 * 4), 64)
        unsafe memory = .allocate(byteCount: bytes, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    deinit { unsafe memory.deallocate() }

    /// Some of the vectors.
    @unsafe
    func rows(_ range: Range<Int>) -> halftone_panel_vectors {
        let all = capacity * runs
        let first = range.lowerBound * runs
        let scales = unsafe memory + all * PanelMatrix.runLength
        let sums = unsafe scales + all * 4
        return unsafe halftone_panel_vectors(
            count: Int64(range.count), runs: Int64(runs),
            values: (memory + first * PanelMatrix.runLength).assumingMemoryBound(to: Int8.self),
            scales: scales.assumingMemoryBound(to: Float.self) + first,
            sums: sums.assumingMemoryBound(to: Int32.self) + 2 * first)
    }

    /// Rounds vectors that start `stride` floats apart into the given rows.
    @unsafe
    func quantize(_ values: UnsafePointer<Float>, stride: Int, rows range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity, "rows out of bounds")
        unsafe withUnsafePointer(to: rows(range)) {
            unsafe halftone_panel_quantize(
                Processor.features, values, Int64(columns), Int64(stride), $0)
        }
    }

    /// Rounds some runs of one vector, `values` being its first; for who computes parts of it.
    @unsafe
    func quantize(_ values: UnsafePointer<Float>, row: Int, runs part: Range<Int>) {
        precondition(row >= 0 && row < capacity && part.upperBound <= runs, "out of bounds")
        var target = unsafe rows(row..<row + 1)
        unsafe target.values += part.lowerBound * PanelMatrix.runLength
        unsafe target.scales += part.lowerBound
        unsafe target.sums += 2 * part.lowerBound
        unsafe target.runs = Int64(part.count)
        let first = part.lowerBound * PanelMatrix.runLength
        let count = min(columns - first, part.count * PanelMatrix.runLength)
        unsafe withUnsafePointer(to: target) {
            unsafe halftone_panel_quantize(
                Processor.features, values + first, Int64(count), Int64(count), $0)
        }
    }
}
