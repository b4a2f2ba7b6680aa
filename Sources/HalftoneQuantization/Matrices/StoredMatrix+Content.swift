import HalftoneFormats
import HalftoneKernels

/// Numbers of a part of a stored matrix before they are bytes.
public enum PartContent: Sendable {
    /// Codes row after row, each below a number of values.
    case codes([UInt8], values: Int)
    /// Numbers that are rounded to the part's type.
    case floats([Float])
    /// Places of rows or columns.
    case places([Int])
}

extension StoredMatrix {
    /// Takes a matrix from the codes and scales that a method chose, in place of those that the
    /// form would search for.
    ///
    /// - Parameters:
    ///   - form: How it is stored.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - content: The numbers of a part, in the shape that its form describes.
    /// - Throws: ``QuantizationError`` when a part is missing or does not fit, or a number is
    ///   beyond the range of its type.
    public init(
        form: MatrixForm, rows: Int, columns: Int, content: (PartLayout) -> PartContent?
    ) throws(QuantizationError) {
        var bytes: [String: Bytes] = [:]
        for layout in try form.layout(rows: rows, columns: columns) {
            guard let content = content(layout) else { continue }
            bytes[layout.name] = try content.bytes(layout)
        }
        try self.init(form: form, rows: rows, columns: columns) { bytes[$0.name] }
    }
}

extension ElementType {
    /// What reads floats of this type; nil for others.
    fileprivate var scaleFormat: ScaleFormat? {
        switch self {
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        default: nil
        }
    }
}

extension PartContent {
    fileprivate func bytes(_ layout: PartLayout) throws(QuantizationError) -> Bytes {
        switch self {
        case .codes(let codes, let values):
            let rows = layout.shape.count == 2 ? layout.shape[0] : 1
            guard rows > 0 else { return Bytes([]) }
            guard codes.count % rows == 0, codes.allSatisfy({ Int($0) < values }) else {
                throw .badParts("\(layout.name): \(codes.count) codes of \(values) in \(rows) rows")
            }
            return CodeRows(values: values)
                .encode(codes.map { Int($0) }, rows: rows, columns: codes.count / rows)
        case .floats(let numbers):
            guard let format = layout.type.scaleFormat else {
                throw .badParts("\(layout.name) holds no floats")
            }
            let codec = ScaleCodec(format)
            if let bad = numbers.firstIndex(where: { !codec.nearest($0).isFinite }) {
                throw .notFinite(part: layout.name, index: bad)
            }
            return codec.encode(numbers)
        case .places(let places):
            guard layout.type == .uint16 || layout.type == .uint32 else {
                throw .badParts("\(layout.name) holds no places")
            }
            let bound = 1 << layout.type.bits
            if let bad = places.first(where: { !(0..<bound).contains($0) }) {
                throw .badParts("\(layout.name): place \(bad) is not below \(bound)")
            }
            return PartBytes.places(places, below: bound)
        }
    }
}
