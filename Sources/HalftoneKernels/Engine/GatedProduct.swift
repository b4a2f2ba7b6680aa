import _HalftoneShims

/// The first layer of a perceptron: `hidden = f(G·x) ⊙ (U·x)`, or `hidden = f(U·x)`.
package struct GatedProduct: Sendable {
    /// The nonlinearity.
    package enum Activation: Sendable {
        case silu
        case gelu(GELUForm)
        case relu
    }

    /// `[G | U]` along its rows, or `U`.
    package let group: ProductGroup

    private let activation: Activation
    private let isGated: Bool

    /// Whether it is computed a few columns at a time, which are written as bytes alone.
    private let isTiled: Bool

    /// Width of the hidden layer.
    package var hidden: Int { isGated ? group.rows / 2 : group.rows }

    /// Describes the layer.
    ///
    /// - Parameters:
    ///   - group: The matrices.
    ///   - activation: The nonlinearity.
    ///   - isGated: Whether there are gates.
    ///   - forms: What is read of the hidden layer.
    package init(
        _ group: ProductGroup, _ activation: Activation, isGated: Bool,
        for forms: ActivationRows.Forms
    ) {
        self.group = group
        self.activation = activation
        self.isGated = isGated
        // Gates and what they multiply are two matrices of panels.
        isTiled =
            isGated && group.products.count == 2 && group.reads == .bytes && forms == .bytes
            && group.rows / 2 % PanelMatrix.runLength == 0
    }

    /// Floats of a tile of gates, and of what they multiply: half of a usual first-level cache.
    private static let tileFloats = 4096

    /// Columns of a tile, whole runs.
    private func tileColumns(tokens: Int) -> Int {
        let run = PanelMatrix.runLength
        return min(hidden, max(run, Self.tileFloats / tokens / run * run))
    }

    /// Floats that all threads together need for `tokens`.
    package func scratch(tokens: Int) -> Int { isTiled ? 0 : tokens * group.rows }

    /// Floats that each thread needs for `tokens`.
    package func tile(tokens: Int) -> Int {
        isTiled ? 2 * max(PanelMatrix.runLength * tokens, Self.tileFloats) : 0
    }

    /// Computes the hidden activations of some tokens, finished.
    ///
    /// Where gate and up are two matrices of panels, who has computed some columns of both goes on
    /// with them while they are in its cache, and threads meet once.
    ///
    /// - Parameters:
    ///   - team: The threads, which meet at the end.
    ///   - input: Finished activations.
    ///   - rows: Tokens of the input, and of the output.
    ///   - scratch: Room for ``scratch(tokens:)`` of the last token floats.
    ///   - tiles: For each thread ``tile(tokens:)`` floats.
    ///   - output: Room for as many tokens; only what products read of it is written.
    package func run(
        _ team: Team, _ input: ActivationRows, rows range: Range<Int>, scratch: FloatBuffer,
        tiles: [FloatBuffer], into output: ActivationRows
    ) {
        precondition(scratch.count >= self.scratch(tokens: range.upperBound))
        precondition(output.width == hidden && output.capacity >= range.upperBound)
        let run = PanelMatrix.runLength
        guard isTiled else {
            group.run(team, input, rows: range, into: scratch, at: range.lowerBound)
            team.share(range.count) { part in
                let first = range.lowerBound + part.lowerBound
                for row in first..<first + part.count {
                    let gate = unsafe scratch.base + row * group.rows
                    unsafe activate(gate, gate + hidden, hidden, output.floats.base + row * hidden)
                }
                output.finish(first..<first + part.count)
            }
            return
        }
        let tile = tiles[team.thread]
        precondition(tile.count >= self.tile(tokens: range.count), "the tile has room")
        let most = tileColumns(tokens: range.count)
        let pieces = ProductGroup.pieces(tokens: range.count, reading: .bytes)
        team.share(hidden / run, pieces: pieces) { part in
            let end = part.upperBound * run
            for start in stride(from: part.lowerBound * run, to: end, by: most) {
                unsafe compute(start..<min(start + most, end), input, range, tile.base, output)
            }
        }
    }

    /// Some columns of the hidden layer, by way of a tile.
    @unsafe
    private func compute(
        _ columns: Range<Int>, _ input: ActivationRows, _ range: Range<Int>,
        _ tile: UnsafeMutablePointer<Float>, _ output: ActivationRows
    ) {
        let size = PanelMatrix.panelRows
        let units = columns.lowerBound / size..<columns.upperBound / size
        let (count, floats) = (columns.count, range.count * columns.count)
        unsafe group.multiply(
            0, units: units, input, range, into: tile, stride: count, adds: false)
        unsafe group.multiply(
            1, units: units, input, range, into: tile + floats, stride: count, adds: false)
        unsafe activate(tile, tile + floats, floats, tile)
        unsafe output.finish(rows: range, columns: columns, from: tile, stride: count)
    }

    /// Applies the nonlinearity to gates, and multiplies if it is gated.
    @unsafe
    private func activate(
        _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int,
        _ target: UnsafeMutablePointer<Float>
    ) {
        if let kernel = activation.kernel {
            if isGated {
                unsafe halftone_map_multiply(
                    Processor.features, kernel, gate, up, target, Int64(count))
            } else {
                unsafe halftone_map(Processor.features, kernel, gate, target, Int64(count))
            }
        } else {
            for index in 0..<count {
                let factor = unsafe isGated ? up[index] : 1
                unsafe target[index] = max(gate[index], 0) * factor
            }
        }
    }
}

extension GatedProduct.Activation {
    /// The function's number among the kernels in C; nil for the rectifier.
    fileprivate var kernel: Int32? {
        switch self {
        case .silu: Int32(HALFTONE_SILU)
        case .gelu(let form): FloatKernels.number(form)
        case .relu: nil
        }
    }
}
