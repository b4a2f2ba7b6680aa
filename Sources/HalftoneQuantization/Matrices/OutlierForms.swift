import HalftoneFormats
import HalftoneKernels

/// The columns with the largest `Σ w·x²` in 16 bits, the others in another form.
///
/// Source: T. Dettmers et al., "LLM.int8()", arXiv:2208.07339, section 3.2 (columns that activations
/// make matter stay in 16 bits); C. Lee et al., "OWQ", arXiv:2306.02272 (chosen once, for weights).
///
/// Parts: `columns` U16, U32 in wider matrices, ascending; `values` F16 `[rows, count]`; then
/// those of `base` with the columns left out.
struct OutlierColumnsForm: MatrixCoding {
    let count: Int
    let base: MatrixForm

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (0...columns).contains(count) else {
            throw .badForm("\(count) outlier columns of \(columns)")
        }
        let inner = try base.layout(rows: rows, columns: columns - count)
        return [
            PartLayout("columns", PartBytes.placeType(below: columns), [count]),
            PartLayout("values", .float16, [rows, count]),
        ] + inner.map { $0.inside("base") }
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let order = source.columnsByWeight
        let (chosen, rest) = (order.prefix(count).sorted(), order.dropFirst(count).sorted())
        return [
            PartBytes.places(chosen, below: source.columns),
            try PartBytes.halves(source.columns(chosen).values, "values"),
        ] + (try base.coding.encode(source.columns(rest)))
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let chosen = try reader.numbers(upTo: columns - 1)
        guard zip(chosen, chosen.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .badParts("the outlier columns do not ascend")
        }
        let outliers = try reader.floats(.float16)
        let inner = try base.coding.decode(&reader, rows, columns - count)
        let isChosen = Set(chosen)
        let rest = (0..<columns).filter { !isChosen.contains($0) }
        var values = [Float](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for (place, column) in chosen.enumerated() {
                values[row * columns + column] = outliers[row * count + place]
            }
            for (place, column) in rest.enumerated() {
                values[row * columns + column] = inner[row * rest.count + place]
            }
        }
        return values
    }
}

/// Columns in classes, each with a form of its own.
///
/// The columns with the largest `Σ w·x²` are the first class. A column's place in the file is
/// another than in the matrix.
///
/// Parts: `order` U16, U32 in wider matrices: for each column of the file that of the matrix; then
/// those of `class0`, `class1` and so on.
struct ColumnClassesForm: MatrixCoding {
    let classes: [MatrixForm.ColumnClass]

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let sum = classes.reduce(0) { $0 + min(max($1.columns, -1), 1 << 30) }
        guard classes.allSatisfy({ $0.columns >= 0 }), sum == columns else {
            throw .badForm("classes of \(classes.map(\.columns)) are not \(columns) columns")
        }
        var parts = [PartLayout("order", PartBytes.placeType(below: columns), [columns])]
        for (index, one) in classes.enumerated() {
            let inner = try one.form.layout(rows: rows, columns: one.columns)
            parts += inner.map { $0.inside("class\(index)") }
        }
        return parts
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        var rest = source.columnsByWeight[...]
        var (order, parts) = ([Int](), [Bytes]())
        for one in classes {
            let members = rest.prefix(one.columns).sorted()
            rest = rest.dropFirst(one.columns)
            order += members
            parts += try one.form.coding.encode(source.columns(members))
        }
        return [PartBytes.places(order, below: source.columns)] + parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let order = try reader.numbers(upTo: columns - 1)
        guard Set(order).count == order.count else {
            throw .badParts("the order of the columns has one of them twice")
        }
        var values = [Float](repeating: 0, count: rows * columns)
        var first = 0
        for one in classes {
            let inner = try one.form.coding.decode(&reader, rows, one.columns)
            for row in 0..<rows {
                for column in 0..<one.columns {
                    values[row * columns + order[first + column]] =
                        inner[row * one.columns + column]
                }
            }
            first += one.columns
        }
        return values
    }
}

/// A matrix in another form without its elements of largest `w·x²`, which are 0 there, and for
/// those what the form lacks, in 16 bits.
///
/// Source: T. Dettmers et al., "SpQR", arXiv:2306.03078, section 4 (outliers by row).
///
/// Parts: `row_starts` U32 `[rows + 1]`, `columns` U16 or U32 `[count]` ascending in each row,
/// `values` F16 `[count]`, added to the values of `base`; then those of `base`.
struct SparseForm: MatrixCoding {
    let count: Int
    let base: MatrixForm

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (0...min(rows * columns, .max >> 31)).contains(count) else {
            throw .badForm("\(count) single elements of \(rows) rows of \(columns)")
        }
        let inner = try base.layout(rows: rows, columns: columns)
        return [
            PartLayout("row_starts", .uint32, [rows + 1]),
            PartLayout("columns", PartBytes.placeType(below: columns), [count]),
            PartLayout("values", .float16, [count]),
        ] + inner.map { $0.inside("base") }
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let sizes = source.values.enumerated().map {
            source.weight($0.offset % source.columns) * Double($0.element) * Double($0.element)
        }
        let order = sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
        let chosen = order.prefix(count).sorted()
        var others = source.values
        for place in chosen { others[place] = 0 }
        let parts = try base.coding.encode(source.with(others))
        var reader = try PartReader(base, source, parts)
        let decoded = try base.coding.decode(&reader, source.rows, source.columns)
        var starts = [Int](repeating: 0, count: source.rows + 1)
        for place in chosen { starts[place / source.columns + 1] += 1 }
        for row in 0..<source.rows { starts[row + 1] += starts[row] }
        return [
            PartBytes.places(starts, below: 1 << 32),
            PartBytes.places(chosen.map { $0 % source.columns }, below: source.columns),
            try PartBytes.halves(chosen.map { source.values[$0] - decoded[$0] }, "values"),
        ] + parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let starts = try reader.numbers(upTo: count)
        let places = try reader.numbers(upTo: columns - 1)
        let added = try reader.floats(.float16)
        guard starts.first == 0, starts.last == count,
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 })
        else { throw .badParts("the row starts do not ascend from 0 to \(count)") }
        var values = try base.coding.decode(&reader, rows, columns)
        for row in 0..<rows {
            let range = starts[row]..<starts[row + 1]
            guard range.dropLast().allSatisfy({ places[$0] < places[$0 + 1] }) else {
                throw .badParts("the columns of row \(row) do not ascend")
            }
            for index in range { values[row * columns + places[index]] += added[index] }
        }
        return values
    }
}

extension MatrixValues {
    /// The columns from the largest `Σ w·x²` to the smallest, the first of equals first.
    var columnsByWeight: [Int] {
        var sizes = [Double](repeating: 0, count: columns)
        for (place, value) in values.enumerated() {
            sizes[place % columns] += Double(value) * Double(value)
        }
        for column in sizes.indices { sizes[column] *= weight(column) }
        return sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    }
}
