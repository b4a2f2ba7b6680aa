import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// A block layout or a structure around a format in the tables of `halftone formats`.
struct FormRow: Encodable {
    let name: String
    let elements: Int?
    let bytes: Double?
    let bitsPerWeight: Double
    let normal: Double
    let heavyTailed: Double
    let decodedPerSecond: Double

    /// Microscaling, NVFP4 and block floating point.
    static let layouts: [BlockLayout] =
        BlockLayout.microscaling + [.nvfp4] + [4, 6, 8].map { BlockLayout.blockFloat(bits: $0) }

    /// One example of each structure, for a matrix of some shape, with a short name.
    static func structures(rows: Int, columns: Int) -> [(name: String, form: MatrixForm)] {
        let four = MatrixForm.scaled(.int(4), .group(64), .plain(.float16))
        let three = MatrixForm.scaled(.int(3), .group(64), .plain(.float16))
        let two = MatrixForm.scaled(.int(2), .group(64), .plain(.float16))
        let plane = MatrixForm.scaled(.binary, .group(64), .plain(.float16))
        let classes = MatrixForm.columnClasses([
            .init(columns: columns / 2, form: four),
            .init(columns: columns - columns / 2, form: two),
        ])
        return [
            ("{±1, ±i}", .complexUnits), ("affine signs", .affineSigns),
            ("dual binary", .dualBinary(.group(64))),
            ("2 planes", .residual([plane, plane])),
            ("3 planes", .residual([plane, plane, plane])),
            ("256 pairs", .vectors(dimension: 2, count: 256)), ("int4 | int2", classes),
            ("columns + int3", .outlierColumns(columns / 100, base: three)),
            ("sparse + int3", .sparse(rows * columns / 100, base: three)),
            ("rank 8 + int3", .lowRank(min(rows, columns, 8), base: three)),
            ("nf4 double", .scaled(.nf4, .group(64), .quantized(.e4m3, group: 256))),
        ]
    }

    /// Layouts and structures, each measured on both sources.
    static func all() throws -> (layouts: [Self], structures: [Self]) {
        let (rows, columns) = (64, 1024)
        var generator = SeededGenerator(seed: 1)
        func draw(_ source: NumberSource) -> [Float] {
            (0..<rows * columns).map { _ in
                Float(source.quantile(Double.random(in: 0x1p-53..<1, using: &generator)))
            }
        }
        let sources = (draw(.normal), draw(.heavyTailed))
        func row(
            _ name: String, _ form: MatrixForm, _ elements: Int? = nil, _ bytes: Double? = nil
        ) throws -> Self {
            let stored = try StoredMatrix(sources.0, rows: rows, columns: columns, form: form)
            let other = try StoredMatrix(sources.1, rows: rows, columns: columns, form: form)
            let speed = try Self.decodedPerSecond(stored)
            return Self(
                name: name, elements: elements, bytes: bytes,
                bitsPerWeight: Double(8 * stored.byteCount) / Double(rows * columns),
                normal: SignalToNoise.decibels(sources.0, try stored.decoded()),
                heavyTailed: SignalToNoise.decibels(sources.1, try other.decoded()),
                decodedPerSecond: speed)
        }
        let layouts = try Self.layouts.map { layout in
            let count = layout.blockRows * layout.blockColumns
            let bits = count * layout.element.bits + layout.scaleBits
            return try row(layout.name, .blocks(layout), count, Double(bits) / 8)
        }
        let structures = try structures(rows: rows, columns: columns).map {
            try row($0.name, $0.form)
        }
        return (layouts, structures)
    }

    /// By the run time's kernels, or for forms without any by their definition.
    private static func decodedPerSecond(_ stored: StoredMatrix) throws -> Double {
        let count = stored.rows * stored.columns
        let matrix = try stored.matrix()
        guard matrix is DecodedMatrix else { return FormatRow.decodedPerSecond(matrix) }
        return try Timing.perSecond(count, runs: 3) { try stored.decoded()[count / 3] }
    }

    static func table(_ rows: [Self], title: String) -> String {
        let hasBlocks = rows.allSatisfy { $0.elements != nil }
        var table = TextTable(
            [title] + (hasBlocks ? ["#weights", "#bytes"] : [])
                + ["#bits/weight", "#normal dB", "#heavy dB", "#decode M/s"])
        for row in rows {
            var cells = [row.name]
            if let elements = row.elements, let bytes = row.bytes {
                cells += [
                    "\(elements)", Formatting.decimal(bytes, bytes == bytes.rounded() ? 0 : 1),
                ]
            }
            cells += [
                Formatting.decimal(row.bitsPerWeight, 2), Formatting.decimal(row.normal, 2),
                Formatting.decimal(row.heavyTailed, 2),
                Formatting.decimal(row.decodedPerSecond / 1e6, 0),
            ]
            table.add(cells)
        }
        return table.text
    }
}

/// Errors in decibels.
enum SignalToNoise {
    /// The squares of some numbers over those of what is left of them.
    static func decibels(_ values: [Float], _ decoded: [Float]) -> Double {
        var (signal, noise) = (0.0, 0.0)
        for (x, y) in zip(values, decoded) {
            signal += Double(x) * Double(x)
            noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
        }
        return 10 * log10(signal / noise)
    }
}
