/// Activations of some tokens `[tokens, width]`, in the forms that the products which read them
/// want.
///
/// The floats are written first, whole or in parts; ``finish(_:)`` then makes the other forms.
package final class ActivationRows: Sendable {
    /// What products read.
    package struct Forms: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Floats, with the sums that products with packed weights need.
        package static let floats = Forms(rawValue: 1)
        /// Bytes with a scale per run.
        package static let bytes = Forms(rawValue: 2)
    }

    /// Floats of a token.
    package let width: Int

    /// Tokens that there is memory for.
    package let capacity: Int

    /// The activations.
    package let floats: FloatBuffer

    /// The sums of 16 floats each, if floats are read.
    let sums: FloatBuffer?

    /// The activations as bytes, if bytes are read.
    package let bytes: PanelVectors?

    /// Floats of sums for each token.
    var sumWidth: Int { (width + 15) / 16 }

    /// Takes memory.
    package convenience init(width: Int, capacity: Int, forms: Forms) {
        self.init(
            FloatBuffer(count: width * capacity), width: width, capacity: capacity, forms: forms)
    }

    /// Takes memory for other forms of floats that are there.
    init(_ floats: FloatBuffer, width: Int, capacity: Int, forms: Forms) {
        precondition(floats.count >= width * capacity)
        self.width = width
        self.capacity = capacity
        self.floats = floats
        sums =
            forms.contains(.floats) ? FloatBuffer(count: (width + 15) / 16 * capacity) : nil
        bytes = forms.contains(.bytes) ? PanelVectors(columns: width, capacity: capacity) : nil
    }

    /// Makes what products read from the floats of some tokens.
    package func finish(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity, "rows out of bounds")
        guard !range.isEmpty else { return }
        if let sums {
            for row in range {
                unsafe FloatKernels.sumsOf16(
                    floats.base + row * width, count: width, into: sums.base + row * sumWidth)
            }
        }
        if let bytes {
            unsafe bytes.quantize(
                floats.base + range.lowerBound * width, stride: width, rows: range,
                columns: 0..<width)
        }
    }

    /// Whether columns of a token may be finished apart: those of whole runs of bytes, alone.
    func finishesColumns(ofWidth part: Int) -> Bool {
        sums == nil && part % PanelMatrix.runLength == 0
    }

    /// As ``finish(_:)`` for some columns of one token, which are whole runs.
    func finish(row: Int, columns: Range<Int>) {
        unsafe finish(
            rows: row..<row + 1, columns: columns,
            from: floats.base + row * width + columns.lowerBound, stride: width)
    }

    /// Makes bytes, if they are read, of some columns of some tokens, which are whole runs.
    ///
    /// - Parameters:
    ///   - range: The tokens.
    ///   - columns: The columns.
    ///   - values: The first column of the first token; tokens are `stride` floats apart.
    ///   - stride: Floats from a token to the next.
    @unsafe
    func finish(
        rows range: Range<Int>, columns: Range<Int>, from values: UnsafePointer<Float>, stride: Int
    ) {
        unsafe bytes?.quantize(values, stride: stride, rows: range, columns: columns)
    }
}

/// Activations that every thread computes for itself when there is one token, which is quicker
/// than to meet, and that threads share out when there are several.
package final class ReplicatedRows: Sendable {
    private let shared: ActivationRows
    private let own: [ActivationRows]

    /// Takes memory for a team.
    package init(width: Int, capacity: Int, forms: ActivationRows.Forms, threadCount: Int) {
        shared = ActivationRows(width: width, capacity: capacity, forms: forms)
        own = (0..<threadCount).map { _ in ActivationRows(width: width, capacity: 1, forms: forms) }
    }

    /// What a thread reads and writes.
    @inline(__always)
    package func rows(_ team: Team, _ range: Range<Int>) -> ActivationRows {
        isReplicated(range) ? own[team.thread] : shared
    }

    /// What the first thread reads; for who is not in the team.
    package func first(count: Int) -> ActivationRows {
        isReplicated(0..<count) ? own[0] : shared
    }

    @inline(__always)
    private func isReplicated(_ range: Range<Int>) -> Bool { range == 0..<1 }

    /// Calls a body with the tokens that a thread has to compute, and meets if need be.
    package func compute(
        _ team: Team, _ range: Range<Int>, _ body: (ActivationRows, Range<Int>) -> Void
    ) {
        if isReplicated(range) {
            body(own[team.thread], range)
        } else {
            team.share(range.count) {
                let first = range.lowerBound + $0.lowerBound
                body(shared, first..<first + $0.count)
            }
        }
    }
}
