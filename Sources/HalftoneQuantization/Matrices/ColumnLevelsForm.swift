import Foundation
import HalftoneFormats
import HalftoneKernels

/// A number of levels for each column, spread over the range of a row or by the scale of a group:
/// what a code stands for depends on both.
///
/// A column of one level is 0 and has no codes. The columns with the largest `Σ w·x²` are the first
/// class.
///
/// Source: "BAQ: Efficient Bit Allocation Quantization for Large Language Models",
/// arXiv:2506.05664, whose columns have whole numbers of levels, and rows ranges.
///
/// Parts: `levels` U8 `[columns]`, each less one. Without groups `lows` and `highs` F16 `[rows]`,
/// the ends of ranges that hold 0, over which `AffineGrid(low...high, levels:)` spreads levels; with
/// groups `scales` F16 `[rows, groups]` and `reaches` F16 `[classes]`, where a code of `L` levels is
/// `(code − (L − 1) / 2) · scale · (2 · reach / (L − 1))`. Then for each class of two levels or more
/// `codes0`, `codes1` and so on, U8: the codes of its columns in the order of the matrix, one column
/// after another, as one stream.
struct ColumnLevelsForm: MatrixCoding {
    let classes: [MatrixForm.LevelClass]
    let groupSize: Int?

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let sum = classes.reduce(0) { $0 + min(max($1.columns, -1), 1 << 30) }
        guard classes.count <= 256, Set(classes.map(\.levels)).count == classes.count,
            classes.allSatisfy({ $0.columns >= 0 && (1...256).contains($0.levels) }),
            sum == columns
        else {
            throw .badForm(
                "columns of \(classes.map { "\($0.columns) × \($0.levels)" }) levels are not "
                    + "\(columns) columns of 1 to 256 levels, each number of levels once")
        }
        var parts = [PartLayout("levels", .uint8, [columns])]
        if let groupSize {
            guard (1...1 << 30).contains(groupSize) else {
                throw .badForm("there are no groups of \(groupSize) columns")
            }
            let groups = Granularity.group(groupSize).groupsPerRow(inFeatures: columns)
            parts.append(PartLayout("scales", .float16, [rows, groups]))
            parts.append(PartLayout("reaches", .float16, [classes.count]))
        } else {
            parts.append(PartLayout("lows", .float16, [rows]))
            parts.append(PartLayout("highs", .float16, [rows]))
        }
        for (index, one) in classes.enumerated() where one.levels > 1 {
            let bytes = CodeRows(values: one.levels).byteCount(columns: rows * one.columns)
            parts.append(PartLayout("codes\(index)", .uint8, [bytes]))
        }
        return parts
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let (rows, columns) = (source.rows, source.columns)
        var levels = [Int](repeating: 1, count: columns)
        var rest = source.columnsByWeight[...]
        for one in classes {
            for column in rest.prefix(one.columns) { levels[column] = one.levels }
            rest = rest.dropFirst(one.columns)
        }
        var codes = ColumnLevels(levels: levels, rows: rows, groupSize: groupSize)
        for row in 0..<rows {
            let weights = source.values[row * columns..<(row + 1) * columns]
            try codes.fit(weights, row: row, importance: source.importance)
            codes.round(weights, row: row)
        }
        return try parts(codes)
    }

    /// The parts of codes whose columns have the levels of the classes.
    func parts(_ codes: ColumnLevels) throws(QuantizationError) -> [Bytes] {
        let (rows, columns) = (codes.rows, codes.levels.count)
        var parts = [Bytes(codes.levels.map { UInt8($0 - 1) })]
        switch codes.spans {
        case .ranges(let ranges):
            parts.append(try PartBytes.halves(ranges.map(\.lowerBound), "lows"))
            parts.append(try PartBytes.halves(ranges.map(\.upperBound), "highs"))
        case .groups(let groups):
            parts.append(try PartBytes.halves(groups.scales, "scales"))
            parts.append(
                try PartBytes.halves(classes.map { groups.reaches[$0.levels] }, "reaches"))
        }
        for one in classes where one.levels > 1 {
            let members = codes.levels.indices.filter { codes.levels[$0] == one.levels }
            let list = members.flatMap { column in
                (0..<rows).map { Int(codes.codes[$0 * columns + column]) }
            }
            parts.append(
                CodeRows(values: one.levels).encode(list, rows: 1, columns: list.count))
        }
        return parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let levels = reader.bytes().array.map { Int($0) + 1 }
        let spans: ColumnLevels.Spans
        if let groupSize {
            let scales = try reader.floats(.float16)
            var reaches = [Float](repeating: 0, count: 257)
            for (one, reach) in zip(classes, try reader.floats(.float16)) {
                reaches[one.levels] = reach
            }
            spans = .groups(.init(size: groupSize, scales: scales, reaches: reaches))
        } else {
            let lows = try reader.floats(.float16)
            let highs = try reader.floats(.float16)
            guard zip(lows, highs).allSatisfy({ $0 <= 0 && $1 >= 0 }) else {
                throw .badParts("the range of a row does not hold 0")
            }
            spans = .ranges(zip(lows, highs).map { $0...$1 })
        }
        var codes = ColumnLevels(levels: levels, rows: rows, spans: spans)
        guard Set(codes.classes) == Set(classes.filter { $0.columns > 0 }) else {
            throw .badParts("the levels of the columns are not those of the form")
        }
        for one in classes where one.levels > 1 {
            let members = levels.indices.filter { levels[$0] == one.levels }
            let list = CodeRows(values: one.levels).decode(
                reader.bytes(), rows: 1, columns: rows * one.columns)
            for (place, code) in list.enumerated() {
                let (member, row) = place.quotientAndRemainder(dividingBy: rows)
                codes.codes[row * columns + members[member]] = UInt8(code)
            }
        }
        return codes.values
    }
}
