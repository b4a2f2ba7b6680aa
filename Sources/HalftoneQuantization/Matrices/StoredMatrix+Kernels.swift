import HalftoneFormats
import HalftoneKernels

extension StoredMatrix {
    /// The matrix to compute with.
    ///
    /// Integers with scales along the rows become a `UniformMatrix`, all other codes with scales
    /// and blocks a `LookupMatrix`, GGUF types a `BlockMatrix`, signs with magnitudes of low rank a
    /// `SignedLowRankMatrix` and stacks of those a `SumMatrix`: their values are those of
    /// ``decoded()``, they take the memory that they take in a file, or that of whole bits for
    /// codes that a file has as digits of words. All but the last two have products of integers; the
    /// last two run on the parts themselves, where a file maps them. Structures around them are
    /// decoded to float32.
    ///
    /// - Throws: As ``decoded()``.
    public func matrix() throws(QuantizationError) -> any WeightMatrix {
        do {
            if rows > 0, columns > 0, let direct = try form.coding.matrix(self) { return direct }
            return try DecodedMatrix(
                try decoded(), rows: rows, columns: columns, byteCount: byteCount,
                formatName: form.description)
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .badParts("\(error)")
        }
    }
}

extension MatrixCoding {
    /// A form without kernels of its own.
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? { nil }
}

extension GGUFForm {
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? {
        try BlockMatrix(
            type: type, rows: stored.rows, columns: stored.columns, bytes: stored.parts[0].bytes)
    }
}

extension BlocksForm {
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? {
        let (rows, columns) = (stored.rows, stored.columns)
        let factor =
            hasFactor ? ScaleCodec(.float32).decode(stored.parts[2].bytes).first ?? 1 : 1
        guard factor.isFinite else { throw QuantizationError.notFinite(part: "factor", index: 0) }
        let blocks = BlockScaledMatrix(
            layout: layout, rows: rows, columns: columns, codes: stored.parts[0].bytes,
            scales: stored.parts[1].bytes, factor: factor)
        return try LookupMatrix(
            rows: rows, columns: columns, codes: stored.parts[0].bytes,
            packing: .rows(bits: layout.element.bits), table: layout.element.allValues(),
            blocks: .tiles(rows: layout.blockRows, columns: layout.blockColumns),
            scales: blocks.scaleCodes.map {
                layout.scaleValue(of: $0) * factor * layout.elementUnit
            },
            scaleUnit: factor * layout.elementUnit, formatName: layout.name,
            byteCount: stored.byteCount)
    }
}

extension ScaledForm {
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? {
        let (rows, columns) = (stored.rows, stored.columns)
        var reader = PartReader(parts: stored.parts)
        let codes = reader.bytes()
        let groups = MatrixGroups(granularity, rows: rows, columns: columns)
        let (scales, unit) = try scales(&reader, count: groups.count)
        let zeros = try zeros(&reader, count: groups.count)
        guard granularity != .column else { return nil }
        // One scale for all rows is one for each.
        func perRow<Value>(_ values: [Value]) -> [Value] {
            guard granularity == .tensor else { return values }
            return columns == 0 ? [] : values.flatMap { [Value](repeating: $0, count: rows) }
        }
        if case .integer(let format) = format.definition {
            return try UniformMatrix(
                format: format, granularity: granularity, rows: rows, columns: columns,
                codes: Bytes(
                    PackedCodes.pack(
                        codes: self.rows.decode(codes, rows: rows, columns: columns)
                            .map { UInt8($0) },
                        rows: rows, columns: columns, bits: format.bits)),
                scales: perRow(scales), zeroPoints: zeros.map(perRow),
                byteCount: stored.byteCount)
        }
        let width = granularity.groupSize(inFeatures: columns)
        return try LookupMatrix(
            rows: rows, columns: columns,
            codes: self.rows.plain(codes, rows: rows, columns: columns),
            packing: .rows(bits: format.bits), table: format.allValues(at: 0),
            blocks: .tiles(rows: granularity == .tensor ? max(rows, 1) : 1, columns: width),
            scales: scales, scaleUnit: unit, formatName: stored.form.description,
            byteCount: stored.byteCount)
    }
}

extension SignedLowRankForm {
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? {
        var reader = PartReader(parts: stored.parts)
        return SignedLowRankMatrix(
            rows: stored.rows, columns: stored.columns, rank: rank, signs: reader.bytes(),
            left: try reader.halves(), right: try reader.halves(),
            formatName: stored.form.description, byteCount: stored.byteCount)
    }
}

extension ResidualForm {
    /// Blocks of BitStack are added as they are multiplied: memory is that of the blocks that are
    /// loaded.
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)? {
        let isLight = forms.allSatisfy { if case .signedLowRank = $0 { true } else { false } }
        return isLight ? SumMatrix(try stored.stages.map { try $0.matrix() }) : nil
    }
}

extension NumberFormat {
    /// A value for each pattern of ``bits``; patterns that are no code stand for that of 0, or for
    /// a code of one's choice.
    fileprivate func allValues(at code: UInt8? = nil) -> [Float] {
        let other = value(of: code ?? self.code(of: 0))
        return values + [Float](repeating: other, count: (1 << bits) - values.count)
    }
}
