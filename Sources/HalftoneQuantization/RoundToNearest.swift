import HalftoneFormats
import HalftoneKernels
import Synchronization

/// Turns float weights into codes.
public protocol WeightMethod: Sendable {
    /// Quantizes one matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - scheme: Format, groups and scales.
    ///   - pool: The threads to use.
    /// - Throws: ``QuantizationError/notFinite(part:index:)`` for a weight that is no number.
    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor
}

/// Rounds every weight to its nearest level, each group with a scale of its own.
///
/// Codes are rounded with the scale as it is stored, so nothing is lost between the search and
/// the file.
public struct RoundToNearest: WeightMethod {
    /// Creates the method; it has no settings beyond the scheme's.
    public init() {}

    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        let (rows, columns) = (weight.rows, weight.columns)
        let layout = GroupLayout(scheme, rows: rows, columns: columns)
        let choices = try choose(weight, scheme, layout, pool)
        let storage = ScaleStorage(scheme.scaleFormat)
        let factor = storage.factor(largest: choices.map(\.scale.magnitude).max() ?? 0)
        let scales = choices.map { storage.stored($0.scale, factor: factor) }
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: scheme.format.bits)
        let packed = Mutex([UInt8](repeating: 0, count: rows * rowBytes))
        let quantizer = GroupQuantizer(scheme.format)
        pool.split(rows, grain: 32) { range in
            var values = [Float](repeating: 0, count: columns)
            var codes = [UInt8](repeating: 0, count: range.count * columns)
            for row in range {
                weight.decode(row: row, into: &values)
                for group in 0..<layout.groupsPerRow {
                    let columnsOfGroup = layout.columns(ofGroup: group)
                    let index = layout.index(row: row, group: group)
                    quantizer.round(
                        values[columnsOfGroup],
                        GroupQuantizer.Choice(scale: scales[index], zero: choices[index].zero),
                        into: &codes,
                        at: (row - range.lowerBound) * columns + columnsOfGroup.lowerBound)
                }
            }
            let part = PackedCodes.pack(
                codes: codes, rows: range.count, columns: columns, bits: scheme.format.bits)
            packed.withLock {
                $0.replaceSubrange(
                    range.lowerBound * rowBytes..<range.upperBound * rowBytes, with: part)
            }
        }
        let zeros = choices.map { UInt8($0.zero) }
        return try QuantizedTensor(
            rows: rows, columns: columns, scheme: scheme,
            parts: QuantizedTensor.StoredParts(
                codes: Bytes(packed.withLock { $0 }),
                scales: Bytes(storage.encode(scales, factor: factor)),
                scaleFactor: scheme.scaleFormat == .float8
                    ? Bytes(ScaleStorage(.float32).encode([factor], factor: 1)) : nil,
                zeroPoints: scheme.format.isSymmetric
                    ? nil : Bytes(BitStream.encode(zeros, bits: scheme.format.bits))))
    }

    /// The scale and zero point of every group, scales not yet rounded to an 8-bit format.
    private func choose(
        _ weight: any WeightMatrix, _ scheme: WeightScheme, _ layout: GroupLayout,
        _ pool: WorkerPool
    ) throws(QuantizationError) -> [GroupQuantizer.Choice] {
        let quantizer = GroupQuantizer(scheme.format)
        let storage = ScaleStorage(scheme.scaleFormat)
        // The factor of 8-bit scales is known only at the end: search as if they were float.
        let stored: (Float) -> Float = { scale in
            scheme.scaleFormat == .float8 ? scale : storage.stored(scale, factor: 1)
        }
        func choice(_ values: ArraySlice<Float>) -> GroupQuantizer.Choice {
            scheme.search == .absmax
                ? quantizer.covering(values) : quantizer.leastError(values, stored: stored)
        }
        let columns = weight.columns
        if scheme.granularity == .tensor {
            let values = weight.decoded()
            try Self.check(values[...], firstIndex: 0)
            return [choice(values[...])]
        }
        let state = Mutex((
            choices: [GroupQuantizer.Choice](
                repeating: GroupQuantizer.Choice(scale: 0, zero: 0), count: layout.count),
            failure: QuantizationError?.none
        ))
        pool.split(weight.rows, grain: 32) { range in
            var values = [Float](repeating: 0, count: columns)
            var found: [GroupQuantizer.Choice] = []
            for row in range {
                weight.decode(row: row, into: &values)
                do throws(QuantizationError) {
                    try Self.check(values[...], firstIndex: row * columns)
                } catch {
                    state.withLock { $0.failure = $0.failure ?? error }
                    return
                }
                for group in 0..<layout.groupsPerRow {
                    found.append(choice(values[layout.columns(ofGroup: group)]))
                }
            }
            let first = layout.index(row: range.lowerBound, group: 0)
            state.withLock { $0.choices.replaceSubrange(first..<first + found.count, with: found) }
        }
        let result = state.withLock { $0 }
        if let failure = result.failure { throw failure }
        return result.choices
    }

    private static func check(
        _ values: ArraySlice<Float>, firstIndex: Int
    ) throws(QuantizationError) {
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "weight", index: firstIndex + bad)
        }
    }
}

/// Where the groups of a matrix lie.
struct GroupLayout {
    let groupsPerRow: Int
    let count: Int
    private let size: Int
    private let width: Int
    private let isShared: Bool

    init(_ scheme: WeightScheme, rows: Int, columns: Int) {
        size = scheme.granularity.groupSize(inFeatures: columns)
        groupsPerRow = scheme.granularity.groupsPerRow(inFeatures: columns)
        count = scheme.scaleCount(rows: rows, columns: columns)
        width = columns
        isShared = scheme.granularity == .tensor
    }

    func columns(ofGroup group: Int) -> Range<Int> {
        group * size..<min((group + 1) * size, width)
    }

    func index(row: Int, group: Int) -> Int { isShared ? 0 : row * groupsPerRow + group }
}
