import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

extension PackedManifest {
    /// The suffixes of the tensors that stand for one packed weight.
    public enum Suffix {
        /// Packed codes, U8.
        public static let codes = ".codes"
        /// Codes as an entropy coder leaves them, U8.
        public static let coded = ".coded"
        /// Scales in their format.
        public static let scales = ".scales"
        /// The factor of 8-bit scales, F32.
        public static let factor = ".scale_factor"
        /// Zero points of affine formats, U8.
        public static let zeros = ".zeros"
        /// Everything in panels, U8.
        public static let panels = ".panels"
    }

    /// The packed matrix that stands for a float weight; codes stay mapped, and panels are used
    /// where they are.
    ///
    /// - Parameters:
    ///   - name: The name of the float weight.
    ///   - archive: The folder's tensors.
    /// - Returns: Nil when the weight is not packed.
    /// - Throws: ``ModelError`` when parts are missing or do not fit together.
    public func matrix(
        _ name: String, in archive: any TensorArchive
    ) throws(ModelError) -> (any WeightMatrix)? {
        if let entry = forms[name] { return try matrix(name, entry, in: archive) }
        guard let entry = entries[name] else { return nil }
        if entry.layout == .panels { return try panels(name, entry, in: archive) }
        let affine = !entry.scheme.format.isSymmetric
        let codes = try codes(name, entry, in: archive)
        let parts = QuantizedTensor.StoredParts(
            codes: codes.packed,
            scales: try part(
                name + Suffix.scales, entry.scheme.scaleFormat.elementType, in: archive),
            scaleFactor: try scaleFactor(name, entry, in: archive),
            zeroPoints: affine ? try part(name + Suffix.zeros, .uint8, in: archive) : nil,
            codeByteCount: codes.byteCount)
        do {
            return try QuantizedTensor(
                rows: entry.rows, columns: entry.columns,
                scheme: WeightScheme(
                    format: entry.scheme.format, granularity: entry.scheme.granularity,
                    scaleFormat: entry.scheme.scaleFormat),
                parts: parts
            ).matrix
        } catch {
            throw .unreadableTensor(name: name, reason: "\(error)")
        }
    }

    private func panels(
        _ name: String, _ entry: Entry, in archive: any TensorArchive
    ) throws(ModelError) -> PanelMatrix {
        let scheme = WeightScheme(
            format: entry.scheme.format, granularity: entry.scheme.granularity,
            scaleFormat: entry.scheme.scaleFormat)
        let bytes = try part(name + Suffix.panels, .uint8, in: archive)
        guard let layout = scheme.panels(.panels, rows: entry.rows, columns: entry.columns) else {
            throw .unreadableTensor(
                name: name,
                reason: "there are no panels of \(scheme), \(entry.rows) by "
                    + "\(entry.columns)")
        }
        let factor = try scaleFactor(name, entry, in: archive).map { bytes throws(ModelError) in
            guard bytes.count == 4, case let factor = Float(bitPattern: bytes.load(at: 0)),
                factor.isFinite
            else {
                throw .unreadableTensor(
                    name: name + Suffix.factor, reason: "it is not one finite number")
            }
            return factor
        }
        guard
            let matrix = PanelMatrix(
                layout, formatName: scheme.formatName, scaleFactor: factor ?? 1, bytes: bytes)
        else {
            throw .unreadableTensor(
                name: name + Suffix.panels,
                reason: "it has \(bytes.count) bytes; \(entry.rows) rows of \(entry.columns) take "
                    + "\(layout.byteCount)")
        }
        return matrix
    }

    /// The codes in the layout of `PackedCodes`, and the bytes that they take in the file.
    private func codes(
        _ name: String, _ entry: Entry, in archive: any TensorArchive
    ) throws(ModelError) -> (packed: Bytes, byteCount: Int) {
        guard entry.layout == .coded else {
            let codes = try part(name + Suffix.codes, .uint8, in: archive)
            return (codes, codes.count)
        }
        let coded = try part(name + Suffix.coded, .uint8, in: archive)
        let bits = entry.scheme.format.bits
        guard
            let codes = CodedRows.decode(
                coded, rows: entry.rows, columns: entry.columns, below: 1 << bits)
        else {
            throw .unreadableTensor(
                name: name + Suffix.coded,
                reason: "it has no \(entry.rows) rows of \(entry.columns) codes of \(bits) bits")
        }
        let packed = PackedCodes.pack(
            codes: codes, rows: entry.rows, columns: entry.columns, bits: bits)
        return (Bytes(packed), coded.count)
    }

    /// The factor of 8-bit scales; nil for other scales.
    private func scaleFactor(
        _ name: String, _ entry: Entry, in archive: any TensorArchive
    ) throws(ModelError) -> Bytes? {
        guard entry.scheme.scaleFormat.hasFactor else { return nil }
        return try part(name + Suffix.factor, .float32, in: archive)
    }

    /// A matrix in a form of its own, decoded.
    private func matrix(
        _ name: String, _ entry: FormEntry, in archive: any TensorArchive
    ) throws(ModelError) -> any WeightMatrix {
        // Codes of vectors may stand for many more bytes than the file has.
        guard entry.rows * entry.columns <= 1 << 31 else {
            throw .unreadableTensor(
                name: name,
                reason: "\(entry.rows) rows of \(entry.columns) are more than is decoded at once")
        }
        var parts: [String: Bytes] = [:]
        do {
            for layout in try entry.form.layout(rows: entry.rows, columns: entry.columns) {
                parts[layout.name] = try part(name + "." + layout.name, layout.type, in: archive)
            }
            return try StoredMatrix(form: entry.form, rows: entry.rows, columns: entry.columns) {
                parts[$0.name]
            }.matrix()
        } catch let error as QuantizationError {
            throw .unreadableTensor(name: name, reason: error.description)
        } catch let error as ModelError {
            throw error
        } catch {
            throw .unreadableTensor(name: name, reason: "\(error)")
        }
    }

    private func part(
        _ name: String, _ type: ElementType, in archive: any TensorArchive
    ) throws(ModelError) -> Bytes {
        guard let tensor = archive.tensor(named: name) else {
            throw .tensorMismatch(missing: [name], misshapen: [])
        }
        guard tensor.encoding == .elements(type) else {
            throw .unreadableTensor(
                name: name, reason: "has type \(tensor.encoding.name), not \(type.rawValue)")
        }
        return tensor.bytes
    }
}
