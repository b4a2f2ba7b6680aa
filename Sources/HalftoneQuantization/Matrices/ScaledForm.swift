import HalftoneFormats
import HalftoneKernels

/// Codes of a number format with a scale for each group: `scale · (level − zero)`, in float32.
///
/// Parts: `codes` U8 `[rows, bytes]`; `scales`, or for doubly quantized ones `scale_codes` U8,
/// `scale_scales` F32 and `scale_mean` F32 `[1]`, or with an offset `scale_codes` U8,
/// `scale_scales` in a float format and `scale_offset` F32 `[1]`; `scale_factor` F32 `[1]` with F8
/// scales; `zeros` with affine integers, one for each scale: codes in U8, or floats like the scales.
struct ScaledForm: MatrixCoding {
    let format: NumberFormat
    let granularity: Granularity
    let scales: MatrixForm.ScaleStorage

    var rows: CodeRows { CodeRows(values: format.values.count) }

    var isAffine: Bool { format.zeroPoints == .codes }

    /// The floats that zero points are stored as, where they are no codes.
    private var zeroStorage: ScaleFormat? {
        if case .affine(let storage) = scales { storage } else { nil }
    }

    /// The floats that scales are stored as, where each is one.
    private var scaleStorage: ScaleFormat? {
        if case .plain(let storage) = scales { storage } else { zeroStorage }
    }

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (1...1 << 20).contains(granularity.groupSize(inFeatures: 1)) else {
            throw .badForm("groups have 1 to \(1 << 20) weights, not \(granularity)")
        }
        let count = granularity.scaleCount(rows: rows, columns: columns)
        var parts = [
            PartLayout("codes", .uint8, [rows, self.rows.byteCount(columns: columns)])
        ]
        switch scales {
        case .plain(let scale):
            parts.append(PartLayout("scales", scale.elementType, [count]))
            if scale.hasFactor { parts.append(PartLayout("scale_factor", .float32, [1])) }
        case .affine(let scale):
            guard isAffine, !scale.hasFactor else {
                throw .badForm("\(format) has no zero points in \(scale.rawValue)")
            }
            parts.append(PartLayout("scales", scale.elementType, [count]))
        case .quantized(let format, let group):
            guard (1...1 << 20).contains(group), format.range.lowerBound < 0,
                format.range.upperBound > 0, format.zeroPoints != .codes
            else {
                throw .badForm("scales cannot be quantized to \(format) in groups of \(group)")
            }
            let bytes = CodeRows(values: format.values.count).byteCount(columns: count)
            parts += [
                PartLayout("scale_codes", .uint8, [bytes]),
                PartLayout("scale_scales", .float32, [(count + group - 1) / group]),
                PartLayout("scale_mean", .float32, [1]),
            ]
        case .offset(let bits, let group, let scale):
            guard (1...8).contains(bits), (1...1 << 20).contains(group), !scale.hasFactor else {
                throw .badForm("scales cannot be \(bits) bits of \(scale.rawValue) in \(group)")
            }
            parts += [
                PartLayout("scale_codes", .uint8, [(count * bits + 7) / 8]),
                PartLayout("scale_scales", scale.elementType, [(count + group - 1) / group]),
                PartLayout("scale_offset", .float32, [1]),
            ]
        }
        if let zeroStorage {
            parts.append(PartLayout("zeros", zeroStorage.elementType, [count]))
        } else if isAffine {
            let bytes = self.rows.byteCount(columns: count)
            parts.append(PartLayout("zeros", .uint8, [bytes]))
        }
        return parts
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let groups = MatrixGroups(granularity, rows: source.rows, columns: source.columns)
        let codec: ScaleCodec
        if let storage = scaleStorage {
            codec = ScaleCodec(storage, largest: largestScale(source, groups))
        } else {
            codec = ScaleCodec(.float32)
        }
        var finder = ScaleFinder(format, scales: codec)
        // Scales of both signs would be twice as far from their mean.
        if scaleStorage == nil { finder.isPositive = true }
        var choices: [ScaleChoice] = []
        for group in 0..<groups.count {
            let places = groups.places(of: group)
            let values = places.map { source.values[$0] }
            let weights = source.importance.map { one in
                places.map { one[$0 % source.columns] }
            }
            let choice = finder.choice(
                values[...], importance: weights?[...], by: source.search)
            guard choice.scale.isFinite else {
                let first = places.first ?? 0
                throw .scaleTooLarge(
                    row: first / source.columns, column: first % source.columns,
                    scale: finder.coveringScale(values[...]), format: codec.format)
            }
            choices.append(choice)
        }
        return try encode(source, groups, choices, codec)
    }

    /// The parts for scales that were chosen.
    func encode(
        _ source: MatrixValues, _ groups: MatrixGroups, _ choices: [ScaleChoice],
        _ codec: ScaleCodec
    ) throws(QuantizationError) -> [Bytes] {
        var choices = choices
        var parts: [Bytes] = []
        switch scales {
        case .plain(let storage):
            parts.append(codec.encode(choices.map(\.scale)))
            if storage.hasFactor { parts.append(ScaleCodec(.float32).encode([codec.factor])) }
        case .affine:
            parts.append(codec.encode(choices.map(\.scale)))
            for index in choices.indices {
                choices[index].zero = codec.nearest(choices[index].zero)
                guard choices[index].zero.isFinite else {
                    throw .notFinite(part: "zeros", index: index)
                }
            }
        case .quantized(let format, let size):
            let double = DoubleScales(choices.map(\.scale), format: format, group: size)
            for index in choices.indices { choices[index].scale = double.values[index] }
            parts += double.parts
        case .offset(let bits, let size, let storage):
            let offset = try OffsetScales(
                choices.map(\.scale), bits: bits, group: size, ScaleCodec(storage))
            for index in choices.indices { choices[index].scale = offset.values[index] }
            parts += offset.parts
        }
        if zeroStorage != nil {
            parts.append(codec.encode(choices.map(\.zero)))
        } else if isAffine {
            let zeros = choices.map { Int($0.zero) }
            parts.append(rows.encode(zeros, rows: 1, columns: zeros.count))
        }
        var codes = [Int](repeating: 0, count: source.values.count)
        for (group, choice) in choices.enumerated() {
            for place in groups.places(of: group) {
                let scale = choice.scale
                let steps = scale == 0 ? choice.zero : source.values[place] / scale + choice.zero
                codes[place] = Int(format.code(of: steps))
            }
        }
        return [rows.encode(codes, rows: source.rows, columns: source.columns)] + parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let groups = MatrixGroups(granularity, rows: rows, columns: columns)
        let codes = self.rows.decode(reader.bytes(), rows: rows, columns: columns)
        let scales = try scales(&reader, count: groups.count).values
        let zeros = try zeros(&reader, count: groups.count)
        var values = [Float](repeating: 0, count: rows * columns)
        for group in 0..<groups.count {
            let zero = zeros?[group] ?? 0
            for place in groups.places(of: group) {
                values[place] = scales[group] * (format.value(of: UInt8(codes[place])) - zero)
            }
        }
        return values
    }

    /// The scales, and what they are multiples of if they are stored as small floats, else 1.
    func scales(
        _ reader: inout PartReader, count: Int
    ) throws(QuantizationError) -> (values: [Float], unit: Float) {
        switch scales {
        case .plain(let storage) where storage.hasFactor:
            let bytes = reader.bytes()
            let factor = try reader.floats(.float32)[0]
            let values = ScaleCodec(storage, factor: factor).decode(bytes)
            if let bad = values.firstIndex(where: { !$0.isFinite }) {
                throw .notFinite(part: "scales", index: bad)
            }
            return (values, factor)
        case .plain(let storage), .affine(let storage):
            return (try reader.floats(storage), 1)
        case .quantized(let format, let size):
            return (
                try DoubleScales.decode(&reader, format: format, group: size, count: count), 1
            )
        case .offset(let bits, let size, let storage):
            return (
                try OffsetScales.decode(
                    &reader, bits: bits, group: size, storage: storage, count: count), 1
            )
        }
    }

    /// The zero points, or nil where none are stored.
    func zeros(
        _ reader: inout PartReader, count: Int
    ) throws(QuantizationError) -> [Float]? {
        if let zeroStorage { return try reader.floats(zeroStorage) }
        guard isAffine else { return nil }
        return rows.decode(reader.bytes(), rows: 1, columns: count).map { Float($0) }
    }

    private func largestScale(_ source: MatrixValues, _ groups: MatrixGroups) -> Float {
        guard case .plain(let storage) = scales, storage.hasFactor else { return 0 }
        let finder = ScaleFinder(format, scales: ScaleCodec(.float32))
        return (0..<groups.count).reduce(0) { largest, group in
            let values = groups.places(of: group).map { source.values[$0] }
            return max(largest, finder.coveringScale(values[...]))
        }
    }
}

/// Which elements of a matrix share a scale.
struct MatrixGroups {
    private let granularity: Granularity
    private let rows: Int
    private let columns: Int

    init(_ granularity: Granularity, rows: Int, columns: Int) {
        self.granularity = granularity
        self.rows = rows
        self.columns = columns
    }

    /// The number of groups, in the order of their scales.
    var count: Int { granularity.scaleCount(rows: rows, columns: columns) }

    /// The elements of a group.
    func places(of group: Int) -> [Int] {
        switch granularity {
        case .tensor: return Array(0..<rows * columns)
        case .column:
            return Array(stride(from: group, to: rows * columns, by: max(columns, 1)))
        case .channel, .group:
            let size = granularity.groupSize(inFeatures: columns)
            let (row, part) = group.quotientAndRemainder(
                dividingBy: max(granularity.groupsPerRow(inFeatures: columns), 1))
            return Array(
                row * columns + part * size..<row * columns + min((part + 1) * size, columns))
        }
    }
}

/// Scales as codes with scales of their own.
struct DoubleScales {
    /// The scales that are read back.
    private(set) var values: [Float]
    /// Codes, second scales and the mean.
    private(set) var parts: [Bytes]

    init(_ scales: [Float], format: NumberFormat, group size: Int) {
        let mean = Float(
            scales.reduce(0.0) { $0 + Double($1) } / Double(max(scales.count, 1)))
        let rest = scales.map { $0 - mean }
        let finder = ScaleFinder(format, scales: ScaleCodec(.float32))
        var codes: [Int] = []
        var seconds: [Float] = []
        values = []
        for first in stride(from: 0, to: rest.count, by: size) {
            let group = rest[first..<min(first + size, rest.count)]
            let second = finder.choice(group, by: .leastError).scale
            seconds.append(second)
            for value in group {
                let code = format.code(of: second == 0 ? 0 : value / second)
                codes.append(Int(code))
                values.append(mean + second * format.value(of: code))
            }
        }
        let float32 = ScaleCodec(.float32)
        parts = [
            CodeRows(values: format.values.count).encode(codes, rows: 1, columns: codes.count),
            float32.encode(seconds), float32.encode([mean]),
        ]
    }

    /// The scales of any bytes.
    static func decode(
        _ reader: inout PartReader, format: NumberFormat, group size: Int, count: Int
    ) throws(QuantizationError) -> [Float] {
        let codes = CodeRows(values: format.values.count).decode(
            reader.bytes(), rows: 1, columns: count)
        let seconds = try reader.floats(.float32)
        let mean = try reader.floats(.float32)[0]
        let scales = codes.enumerated().map {
            mean + seconds[$0.offset / size] * format.value(of: UInt8($0.element))
        }
        if let bad = scales.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "scale_codes", index: bad)
        }
        return scales
    }
}

/// Scales as whole numbers above the least of them.
struct OffsetScales {
    /// The scales that are read back.
    let values: [Float]
    /// Codes, the largest differences and the offset.
    let parts: [Bytes]

    init(
        _ scales: [Float], bits: Int, group size: Int, _ codec: ScaleCodec
    ) throws(QuantizationError) {
        let offset = scales.min() ?? 0
        let most = Float((1 << bits) - 1)
        var codes: [Int] = []
        var largest: [Float] = []
        var values: [Float] = []
        for first in stride(from: 0, to: scales.count, by: size) {
            let group = scales[first..<min(first + size, scales.count)]
            let top = codec.nearest((group.max() ?? offset) - offset)
            guard top.isFinite else { throw .badParts("scale_scales: a scale is beyond the range") }
            largest.append(top)
            for scale in group {
                let code = top > 0 ? ((scale - offset) / top * most).rounded(.toNearestOrEven) : 0
                codes.append(Int(min(max(code, 0), most)))
                values.append(Self.value(codes[codes.count - 1], most, top, offset))
            }
        }
        self.values = values
        parts = [
            CodeRows(values: 1 << bits).encode(codes, rows: 1, columns: codes.count),
            codec.encode(largest), ScaleCodec(.float32).encode([offset]),
        ]
    }

    /// The scales of any bytes.
    static func decode(
        _ reader: inout PartReader, bits: Int, group size: Int, storage: ScaleFormat, count: Int
    ) throws(QuantizationError) -> [Float] {
        let codes = CodeRows(values: 1 << bits).decode(reader.bytes(), rows: 1, columns: count)
        let largest = try reader.floats(storage)
        let offset = try reader.floats(.float32)[0]
        let most = Float((1 << bits) - 1)
        let scales = codes.enumerated().map {
            value($0.element, most, largest[$0.offset / size], offset)
        }
        if let bad = scales.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "scale_codes", index: bad)
        }
        return scales
    }

    private static func value(_ code: Int, _ most: Float, _ top: Float, _ offset: Float) -> Float {
        Float(code) / most * top + offset
    }
}
