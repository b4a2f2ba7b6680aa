import HalftoneFormats
import HalftoneKernels

extension StoredMatrix {
    /// Encodes a matrix with scales that a method has chosen: each element becomes the nearest
    /// level of its group.
    ///
    /// - Parameters:
    ///   - values: `[rows, columns]`, row after row.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - format: Without zero points of groups unless those are given.
    ///   - granularity: Which elements share a scale.
    ///   - scales: A number for each group, rounded to what is stored before codes are found.
    ///   - zeros: For each group the level of zero, a real number stored as scales are; nil for
    ///     formats that have none.
    ///   - storage: How scales are stored; with F8 the largest of them fixes the common factor.
    /// - Throws: ``QuantizationError``: a value that is no number, a scale that the storage cannot
    ///   hold, or a form that the shape does not have.
    public init(
        _ values: [Float], rows: Int, columns: Int, format: NumberFormat,
        granularity: Granularity, scales: [Float], zeros: [Float]? = nil,
        storedAs storage: ScaleFormat
    ) throws(QuantizationError) {
        precondition(
            (format.zeroPoints == .codes) == (zeros != nil), "zero points for such formats")
        let kind: MatrixForm.ScaleStorage = zeros == nil ? .plain(storage) : .affine(storage)
        let coding = ScaledForm(format: format, granularity: granularity, scales: kind)
        let form = MatrixForm.scaled(format, granularity, kind)
        let layouts = try form.layout(rows: rows, columns: columns)
        let groups = MatrixGroups(granularity, rows: rows, columns: columns)
        guard values.count == rows * columns, scales.count == groups.count,
            zeros?.count ?? groups.count == groups.count
        else {
            throw .badParts(
                "\(values.count) values with \(scales.count) scales are not \(rows) rows of "
                    + "\(columns) with \(groups.count)")
        }
        try RowPlan.checkFinite(values, row: 0, columns: columns)
        let codec = ScaleCodec(storage, largest: scales.reduce(0) { max($0, $1.magnitude) })
        let choices = scales.indices.map { index in
            ScaleChoice(
                scale: codec.nearest(scales[index]), zero: zeros?[index] ?? Self.zero(of: format))
        }
        if let bad = choices.firstIndex(where: { !$0.scale.isFinite }) {
            let place = groups.places(of: bad).first ?? 0
            throw .scaleTooLarge(
                row: place / columns, column: place % columns, scale: scales[bad],
                format: storage)
        }
        let source = MatrixValues(
            values: values, rows: rows, columns: columns, importance: nil, search: .absmax, seed: 1)
        let bytes = try coding.encode(source, groups, choices, codec)
        try self.init(form: form, rows: rows, columns: columns) { layout in
            zip(layouts, bytes).first { $0.0 == layout }?.1
        }
    }

    private static func zero(of format: NumberFormat) -> Float {
        if case .fixed(let zero) = format.zeroPoints { zero } else { 0 }
    }
}

extension StoredMatrix {
    /// A part by its name, such as `base.codes`; nil for one that the form does not have.
    public func part(_ name: String) -> Part? { parts.first { $0.layout.name == name } }

    /// A part of floats by its name, such as `scales`; empty for one that the form does not have.
    ///
    /// - Throws: ``QuantizationError/notFinite(part:index:)`` when the file is damaged.
    public func floats(ofPart name: String) throws(QuantizationError) -> [Float] {
        guard let part = part(name),
            part.layout.type.isFloat,
            let format = ScaleFormat.allCases.first(where: { $0.elementType == part.layout.type })
        else { return [] }
        var reader = PartReader(parts: [part])
        return try reader.floats(format)
    }

    /// A part of places by its name, such as `columns`; empty for one that the form does not have.
    ///
    /// - Parameters:
    ///   - name: Of a part of U16 or U32.
    ///   - count: Above every place.
    /// - Throws: ``QuantizationError/badParts(_:)`` when the file is damaged.
    public func places(
        ofPart name: String, below count: Int
    ) throws(QuantizationError) -> [Int] {
        guard let part = part(name) else { return [] }
        var reader = PartReader(parts: [part])
        return try reader.numbers(upTo: count - 1)
    }
}
