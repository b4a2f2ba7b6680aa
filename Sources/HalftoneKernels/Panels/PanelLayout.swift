import HalftoneFormats
import _HalftoneShims

/// How a file holds a matrix of integer codes in panels: version 1 of the layout.
///
/// The same bytes on every processor. A matrix is `[panels, panelByteCount]` bytes, whose order
/// follows from format, shape, group size and type of the scales alone:
///
/// - A panel is 16 rows. Rows that fill up the last panel, and columns that fill up the last run,
///   are zero bytes.
/// - A panel is cut along its columns into records of one group, each of which is the scales of
///   the 16 rows, then their zero points if the format is affine, then the group's codes in runs
///   of 32 columns. With groups of 16 a record is one run: the scales of both halves, the zero
///   points of both, the codes. Groups that are other multiples of 16 are stored as groups of 16.
///   Zero bytes fill a panel up to a multiple of 64.
/// - A scale is a little-endian F32, F16 or BF16, or an E4M3 or UE3M5 whose matrix has a
///   factor for all of them beside its panels. Zero points of up to 4 bits take 8 bytes, byte
///   `i` with that of row `i` in its low and of row `i + 8` in its high half; wider ones take a
///   byte each. Beside scales of a byte those of up to 2 bits take 4 bytes, byte `i` with those of
///   rows `i`, `i + 4`, `i + 8` and `i + 12`, the first in its lowest two bits.
/// - A run of `b`-bit codes takes `64 · b` bytes. It is 8 steps of 4 columns; the 64 codes of step
///   `s` are in the order `[row][column]`, and their bits lie in planes as below, most significant
///   bits first, for each of the powers of two that `b` is the sum of.
///
/// | plane | bytes | step `s` is in |
/// | --- | --- | --- |
/// | 8 bits | 512 | bytes `64 · s …` |
/// | 4 bits | 256 | bytes `64 · (s mod 4) …`, bits `4 · (s / 4)` and the three above |
/// | 2 bits | 128 | bytes `64 · (s mod 2) …`, bits `2 · (s / 2)` and the one above |
/// | 1 bit | 64 | bytes `0 …`, bit `s` |
public struct PanelLayout: Sendable {
    /// The name and version of the layout in files.
    public static let name = "panels-1"

    /// Of the codes.
    public let format: IntegerFormat

    /// Output features, at least 1.
    public let rows: Int

    /// Input features, at least 1.
    public let columns: Int

    let geometry: PanelGeometry
    let groupSize: Int

    /// Lays out a matrix.
    ///
    /// - Parameters:
    ///   - format: 1 to 8 bits.
    ///   - granularity: Whole rows, or groups of a multiple of 16; one scale for the whole matrix
    ///     is repeated for each row.
    ///   - scaleFormat: Any.
    ///   - rows: At least 1.
    ///   - columns: At least 1.
    /// - Returns: Nil when there are no such panels, or they would be larger than memory.
    public init?(
        format: IntegerFormat, granularity: Granularity, scaleFormat: ScaleFormat, rows: Int,
        columns: Int
    ) {
        let scales: PanelGeometry.Values
        switch scaleFormat {
        case .float32: scales = .float32
        case .float16: scales = .float16
        case .bfloat16: scales = .bfloat16
        case .float8: scales = .e4m3
        case .unsignedFloat8: scales = .ue3m5
        }
        // Files with float scales have had zero points of 4 bits from the start.
        let zeroBits = format.bits > 4 ? 8 : format.bits <= 2 && scaleFormat.hasFactor ? 2 : 4
        guard granularity != .column,
            (1...1 << 20).contains(granularity.groupSize(inFeatures: 1)), rows >= 1, columns >= 1,
            rows <= 1 << 40, columns <= 1 << 40, rows <= (1 << 50) / (columns + 32),
            let groupSize = PanelGeometry.groupSize(
                granularity.groupSize(inFeatures: columns), columns: columns)
        else { return nil }
        self.format = format
        self.rows = rows
        self.columns = columns
        self.groupSize = groupSize
        geometry = PanelGeometry(
            rows: rows, columns: columns, format: format, groupSize: groupSize, scales: scales,
            zeros: format.isSymmetric ? nil : .zeros(bits: zeroBits))
    }

    /// The number of panels.
    public var panelCount: Int { geometry.panelCount }

    /// Bytes of a panel, a multiple of 64.
    public var panelByteCount: Int { geometry.panelBytes }

    /// Bytes of the matrix, those of rows and columns that fill up included.
    public var byteCount: Int { panelCount * panelByteCount }
}

extension PanelMatrix {
    /// Describes bytes of a file as a matrix; any content is a valid one.
    ///
    /// - Parameters:
    ///   - layout: What the bytes hold.
    ///   - formatName: A short name of the format.
    ///   - scaleFactor: What multiplies 8-bit scales.
    ///   - bytes: Best aligned to 64.
    /// - Returns: Nil when there are more or fewer bytes than the layout has.
    public init?(
        _ layout: PanelLayout, formatName: String, scaleFactor: Float = 1, bytes: Bytes
    ) {
        guard bytes.count == layout.byteCount else { return nil }
        self.init(
            layout.geometry.with(scaleUnit: scaleFactor), columns: layout.columns,
            formatName: formatName, bytes: bytes)
    }
}
