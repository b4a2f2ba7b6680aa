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
    ///   - format: Without zero points.
    ///   - granularity: Which elements share a scale.
    ///   - scales: A number for each group, rounded to what is stored before codes are found.
    ///   - storage: How scales are stored; with F8 the largest of them fixes the common factor.
    /// - Throws: ``QuantizationError``: a value that is no number, a scale that the storage cannot
    ///   hold, or a form that the shape does not have.
    public init(
        _ values: [Float], rows: Int, columns: Int, format: NumberFormat,
        granularity: Granularity, scales: [Float], storedAs storage: ScaleFormat
    ) throws(QuantizationError) {
        precondition(format.zeroPoints != .codes, "zero points are no scales")
        let coding = ScaledForm(format: format, granularity: granularity, scales: .plain(storage))
        let form = MatrixForm.scaled(format, granularity, .plain(storage))
        let layouts = try form.layout(rows: rows, columns: columns)
        let groups = MatrixGroups(granularity, rows: rows, columns: columns)
        guard values.count == rows * columns, scales.count == groups.count else {
            throw .badParts(
                "\(values.count) values with \(scales.count) scales are not \(rows) rows of "
                    + "\(columns) with \(groups.count)")
        }
        try RowPlan.checkFinite(values, row: 0, columns: columns)
        let codec = ScaleCodec(storage, largest: scales.reduce(0) { max($0, $1.magnitude) })
        let choices = scales.map { scale in
            ScaleChoice(scale: codec.nearest(scale), zero: Self.zero(of: format))
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
