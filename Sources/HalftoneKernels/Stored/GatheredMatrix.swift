import HalftoneFormats
import _HalftoneShims

/// Rows of a matrix of GGUF blocks in another order, on the bytes as the file has them.
///
/// Files of some architectures hold queries and keys in another order of rows than products want;
/// a copy of them would stay in memory beside the panels that are made of it.
public struct GatheredMatrix: WeightMatrix {
    /// The matrix as it is stored.
    public let stored: BlockMatrix

    /// For each row, the stored one.
    public let order: [Int]

    /// Describes a matrix; every number of `order` is a row of `stored`.
    init(checked stored: BlockMatrix, order: [Int]) {
        self.stored = stored
        self.order = order
    }

    /// Output features.
    public var rows: Int { order.count }

    /// Input features.
    public var columns: Int { stored.columns }

    /// Bytes that as many rows take in a file.
    public var byteCount: Int { order.count * stored.bytesPerRow }

    /// The stored matrix's.
    public var formatName: String { stored.formatName }

    /// Decodes whole rows to float32, as the stored matrix does.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        for (index, row) in range.enumerated() {
            let from = order[row]
            unsafe stored.decode(rows: from..<from + 1, into: output + index * columns)
        }
    }

    /// Multiplies rows with one vector, as the stored matrix does.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        for (index, row) in range.enumerated() {
            let from = order[row]
            unsafe stored.dot(rows: from..<from + 1, input: input, output: output + index)
        }
    }

    /// Panels of the same codes and scales, where the stored matrix has them.
    public func panels(on pool: WorkerPool) -> PanelMatrix? {
        stored.panels(on: pool, order: order)
    }

    /// The same matrix with rows in yet another order; the stored one when that is its own.
    public func gatheringRows(_ wanted: [Int]) -> any WeightMatrix {
        stored.gatheringRows(wanted.map { order[$0] })
    }

    /// The rows as a matrix of their own.
    public func copied() -> BlockMatrix { stored.copyingRows(order) }
}
