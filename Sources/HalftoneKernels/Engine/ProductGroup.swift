import COpenBLAS
import _HalftoneShims

/// How the vectors of products with weights are represented.
public enum Activations: String, Sendable, CaseIterable, Codable {
    /// As they are.
    case float32
    /// As bytes with a scale per 32 values, where the matrix has integer products; faster, and
    /// each value is off by up to 1/254 of the largest of its 32.
    case int8
}

/// A stored matrix, ready to be multiplied, and its bias.
package struct WeightProduct: Sendable {
    /// The form that is read.
    package enum Form: Sendable {
        /// Integer products with bytes.
        case panels(PanelMatrix)
        /// Integer products with the columns in another order: for each stored one its place.
        case reordered(PanelMatrix, [Int])
        /// Products with floats.
        case matrix(any WeightMatrix)
    }

    let form: Form
    let bias: FloatBuffer?
    let rows: Int
    let columns: Int

    /// Prepares a matrix for activations; panels are laid out on the threads of a pool.
    package init(
        _ matrix: any WeightMatrix, bias: [Float]? = nil, _ activations: Activations,
        pool: WorkerPool
    ) {
        if activations == .int8, let panels = matrix.panels(on: pool) {
            form = .panels(panels)
        } else if activations == .int8, let reordered = matrix as? ReorderedMatrix,
            let panels = reordered.stored.panels(on: pool)
        {
            form = .reordered(panels, reordered.order)
        } else {
            form = .matrix(matrix)
        }
        self.bias = bias.map { FloatBuffer($0) }
        rows = matrix.rows
        columns = matrix.columns
    }

    /// What it reads of activations.
    var reads: ActivationRows.Forms {
        if case .panels = form { .bytes } else { .floats }
    }

    /// Units that are shared out: panels, or as many rows.
    var units: Int { (rows + PanelMatrix.panelRows - 1) / PanelMatrix.panelRows }
}

/// Products of matrices with the same activations, one beside the other:
/// `output[t] = [M₀·x[t] + b₀ | M₁·x[t] + b₁ | …]`.
package struct ProductGroup: Sendable {
    let products: [WeightProduct]
    private let offsets: [Int]

    /// Floats of the output for each token.
    package let rows: Int

    /// What the products read of activations.
    package let reads: ActivationRows.Forms

    /// Puts products with the same number of columns together.
    package init(_ products: [WeightProduct]) {
        self.products = products
        var end = 0
        offsets = products.map { product in
            end += product.rows
            return end - product.rows
        }
        rows = end
        reads = products.reduce(into: []) { $0.formUnion($1.reads) }
        // One BLAS thread per caller: the team decides who computes.
        openblas_set_num_threads(1)
    }

    /// From this many tokens on, rows of matrices are decoded once and shared by all of them.
    private static let tilesFrom = 5

    /// Pieces for each thread.
    ///
    /// With more tokens there is more to do in each, and more to wait for at the end. Activations that are
    /// read as floats are made ready anew for each piece, so that few pieces are best.
    static func pieces(tokens: Int, reading forms: ActivationRows.Forms) -> Int {
        tokens < 16 || forms != .bytes ? 4 : 16
    }

    /// Rows whose products are added at once: a kibibyte of them.
    private static let addedRows = 256

    /// Floats of a decoded tile: 1 MiB, so that it stays in the cache while it is used.
    private static let tileFloats = 1 << 18

    /// Computes the products of some tokens.
    ///
    /// - Parameters:
    ///   - team: The threads, which meet at the end.
    ///   - input: Finished activations.
    ///   - rows: Tokens of the input.
    ///   - output: `[tokens, rows]`.
    ///   - first: The row of the output that belongs to the first token.
    ///   - adds: Whether the products are added to what is there.
    package func run(
        _ team: Team, _ input: ActivationRows, rows range: Range<Int>, into output: FloatBuffer,
        at first: Int = 0, adds: Bool = false
    ) {
        precondition(range.upperBound <= input.capacity, "the tokens are there")
        precondition((first + range.count) * rows <= output.count, "the output has room")
        let units = products.reduce(0) { $0 + $1.units }
        let pieces = Self.pieces(tokens: range.count, reading: reads)
        team.share(units, pieces: pieces) { piece in
            var start = 0
            for index in products.indices {
                let product = products[index]
                let part = (piece.lowerBound - start)..<(piece.upperBound - start)
                start += product.units
                let own = part.clamped(to: 0..<product.units)
                if own.isEmpty { continue }
                let row = offsets[index] + own.lowerBound * PanelMatrix.panelRows
                unsafe multiply(
                    index, units: own, input, range, into: output.base + first * rows + row,
                    stride: rows, adds: adds)
            }
        }
    }

    /// Some panels of one product.
    ///
    /// - Parameters:
    ///   - index: The product.
    ///   - units: Its panels, or as many rows.
    ///   - input: Finished activations.
    ///   - range: Tokens of the input.
    ///   - output: Where the first of these rows of the first token goes.
    ///   - stride: Floats from a token to the next.
    ///   - adds: Whether the products are added to what is there.
    @unsafe
    func multiply(
        _ index: Int, units: Range<Int>, _ input: ActivationRows, _ range: Range<Int>,
        into output: UnsafeMutablePointer<Float>, stride: Int, adds: Bool
    ) {
        let product = products[index]
        let first = units.lowerBound * PanelMatrix.panelRows
        switch product.form {
        case .panels(let panels):
            guard let vectors = input.bytes else {
                preconditionFailure("the activations are there as bytes")
            }
            let target = unsafe halftone_panel_output(
                values: output - first, stride: Int64(stride),
                bias: product.bias.map { unsafe UnsafePointer($0.base) }, adds: adds ? 1 : 0)
            unsafe panels.multiply(panels: units, vectors.rows(range), target)
        case .reordered(let panels, let order):
            // Whoever computes a piece rounds the vectors for it: little beside hundreds of rows.
            let vectors = PanelVectors(columns: order.count, capacity: range.count)
            unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: max(order.count, 1)) {
                let ordered = $0.baseAddress!
                for (index, row) in range.enumerated() {
                    let source = unsafe input.floats.base + row * order.count
                    for (column, place) in order.enumerated() {
                        unsafe ordered[column] = source[place]
                    }
                    unsafe vectors.quantize(
                        ordered, stride: order.count, rows: index..<index + 1,
                        columns: 0..<order.count)
                }
            }
            let target = unsafe halftone_panel_output(
                values: output - first, stride: Int64(stride),
                bias: product.bias.map { unsafe UnsafePointer($0.base) }, adds: adds ? 1 : 0)
            unsafe panels.multiply(panels: units, vectors.rows(0..<range.count), target)
        case .matrix(let matrix):
            let last = min(units.upperBound * PanelMatrix.panelRows, matrix.rows)
            unsafe multiply(
                matrix, first..<last, product.bias, input, range, output, stride, adds)
        }
    }

    /// Some rows of a matrix, in float32.
    @unsafe
    private func multiply(
        _ matrix: any WeightMatrix, _ rows: Range<Int>, _ bias: FloatBuffer?,
        _ input: ActivationRows, _ range: Range<Int>, _ output: UnsafeMutablePointer<Float>,
        _ outputStride: Int, _ adds: Bool
    ) {
        let columns = matrix.columns
        if range.count >= Self.tilesFrom {
            let tileRows = max(8, min(Self.tileFloats / columns, rows.count))
            for start in stride(from: rows.lowerBound, to: rows.upperBound, by: tileRows) {
                let tile = start..<min(start + tileRows, rows.upperBound)
                unsafe withUnsafeTemporaryAllocation(
                    of: Float.self, capacity: tile.count * columns
                ) { scratch in
                    let decoded = scratch.baseAddress!
                    unsafe matrix.decode(rows: tile, into: decoded)
                    unsafe cblas_sgemm(
                        CblasRowMajor, CblasNoTrans, CblasTrans,
                        blasint(range.count), blasint(tile.count), blasint(columns),
                        1, input.floats.base + range.lowerBound * columns, blasint(columns),
                        decoded, blasint(columns),
                        adds ? 1 : 0, output + (start - rows.lowerBound), blasint(outputStride))
                }
            }
        } else {
            guard let sums = input.sums else {
                preconditionFailure("the activations are there as floats")
            }
            for (index, row) in range.enumerated() {
                let vector = unsafe PreparedVector(
                    values: input.floats.base + row * columns,
                    sumsOf16: sums.base + row * input.sumWidth, count: columns)
                let target = unsafe output + index * outputStride
                guard adds else {
                    unsafe matrix.dot(rows: rows, input: vector, output: target)
                    continue
                }
                // So few that their sums stay on the stack.
                unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.addedRows) {
                    let products = $0.baseAddress!
                    for start in stride(from: 0, to: rows.count, by: Self.addedRows) {
                        let count = min(Self.addedRows, rows.count - start)
                        let first = rows.lowerBound + start
                        unsafe matrix.dot(
                            rows: first..<first + count, input: vector, output: products)
                        unsafe FloatKernels.addScaled(
                            target + start, products, scale: 1, count: count)
                    }
                }
            }
        }
        guard let bias else { return }
        for index in 0..<range.count {
            unsafe FloatKernels.addScaled(
                output + index * outputStride, bias.base + rows.lowerBound, scale: 1,
                count: rows.count)
        }
    }
}
