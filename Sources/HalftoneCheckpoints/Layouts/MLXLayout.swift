import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints of MLX.
///
/// A packed module has `weight`, U32 `[out, in · bits / 32]`, the codes of a row as one stream of
/// bits from the lowest on, and
/// - `affine`, 2 to 8 bits: `scales` and `biases`, F16, BF16 or F32 `[out, groups]`; the value is
///   `scale · code + bias`, computed here as `scale · (code − zero)` with `zero = −bias / scale` in
///   float32, which is off by 2^−24 of the bias at most;
/// - `mxfp4`: E2M1 codes and `scales`, U8 `[out, in / 32]` (E8M0);
/// - `nvfp4`: E2M1 codes and `scales`, U8 `[out, in / 16]` (E4M3);
/// - `mxfp8`: E4M3 codes and `scales`, U8 `[out, in / 32]` (E8M0).
///
/// Settings name a group size, bits and a mode for all modules, and others for modules by name.
///
/// Source: MLX 0.32 (`mlx.core.quantize`) and mlx-lm.
public struct MLXLayout: PackedLayout {
    /// How codes stand for values.
    public enum Mode: String, Sendable, CaseIterable {
        case affine, mxfp4, mxfp8, nvfp4
    }

    /// What the settings say about a module.
    public struct Scheme: Sendable, Equatable {
        /// How codes stand for values.
        public var mode: Mode
        /// Bits of a code.
        public var bits: Int
        /// Inputs that share a scale.
        public var groupSize: Int
    }

    /// For modules without an entry of their own.
    public let scheme: Scheme
    /// Entries of modules; nil leaves a module float.
    public let exceptions: [String: Scheme?]

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization` of a `config.json`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        scheme = try Self.scheme(Settings(settings))
        var exceptions: [String: Scheme?] = [:]
        for (name, value) in settings.object?.members ?? [] {
            if value.object != nil {
                exceptions[name] = .some(try Self.scheme(Settings(value)))
            } else if value == .bool(false) {
                exceptions[name] = .some(nil)
            }
        }
        self.exceptions = exceptions
    }

    private static func scheme(_ settings: Settings) throws(CheckpointError) -> Scheme {
        let name = try settings.string("mode", default: "affine")
        guard let mode = Mode(rawValue: name) else {
            throw .unsupported(
                setting: "mode", found: name, supported: "affine, mxfp4, mxfp8 and nvfp4 are")
        }
        let bits = try settings.integer("bits", default: mode == .mxfp8 ? 8 : 4, in: 1...8)
        let size = try settings.integer(
            "group_size", default: mode == .affine ? 64 : mode == .nvfp4 ? 16 : 32,
            in: 1...(1 << 20))
        let allowed: [Int] =
            mode == .affine ? [2, 3, 4, 5, 6, 8] : mode == .mxfp8 ? [8] : [4]
        guard allowed.contains(bits) else {
            throw .unsupported(
                setting: "bits", found: "\(bits)",
                supported: "\(name) has " + allowed.map(String.init).joined(separator: ", "))
        }
        let fixed = mode == .affine ? size : mode == .nvfp4 ? 16 : 32
        guard size == fixed else {
            throw .unsupported(
                setting: "group_size", found: "\(size)", supported: "\(name) has \(fixed)")
        }
        return Scheme(mode: mode, bits: bits, groupSize: size)
    }

    /// `mlx affine, 4 bits, groups of 64`.
    public var summary: String {
        "mlx \(scheme.mode.rawValue), \(scheme.bits) bits, groups of \(scheme.groupSize)"
            + (exceptions.isEmpty ? "" : ", \(exceptions.count) modules apart")
    }

    /// The matrix of a module that has `scales`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        guard tensors["scales"] != nil else { return nil }
        guard let scheme = exceptions[module] ?? scheme else {
            throw .badContent(
                tensor: tensors.name("scales"),
                reason: "the settings leave the module float, and it has scales")
        }
        let codes = try tensors.required("weight", .uint32)
        let (rows, words) = try codes.matrixShape("[out, in · bits / 32]")
        guard words <= 1 << 30, words * 32 % scheme.bits == 0 else {
            throw .wrongShape(
                tensor: codes.name, found: codes.shape,
                wanted: "rows of \(scheme.bits) bits do not end with word \(words)")
        }
        let columns = words * 32 / scheme.bits
        let size = scheme.groupSize
        guard columns % size == 0 else {
            throw .wrongShape(
                tensor: codes.name, found: codes.shape,
                wanted: "\(columns) inputs are not whole groups of \(size)")
        }
        guard scheme.mode == .affine else {
            return try floats(tensors, scheme, codes, rows, columns)
        }
        let scales = try tensors.required("scales", .float16, .bfloat16, .float32)
        let biases = try tensors.required("biases", .float16, .bfloat16, .float32)
        try scales.checkShape([rows, columns / size])
        try biases.checkShape([rows, columns / size])
        let values = try scales.finiteFloats()
        let offsets = try biases.finiteFloats()
        var zeros = [Float](repeating: 0, count: values.count)
        for (index, scale) in values.enumerated() where offsets[index] != 0 {
            let zero = -offsets[index] / scale
            guard zero.isFinite else {
                throw .badContent(
                    tensor: scales.name,
                    reason: "element \(index) is \(scale) beside a bias of \(offsets[index])")
            }
            zeros[index] = zero
        }
        let stream = PackedWords(
            bytes: codes.bytes, bits: scheme.bits, arrangement: .stream, wordStride: 1,
            lineStride: words)
        return try UniformAssembly(
            module: module, rows: rows, columns: columns, bits: scheme.bits, groupSize: size,
            scales: values, zeroPoints: zeros,
            byteCount: tensors.byteCount(["weight", "scales", "biases"])
        ).matrix { range, codes in
            for (index, row) in range.enumerated() {
                stream.read(line: row, count: columns, into: &codes, at: index * columns)
            }
        }
    }

    private func floats(
        _ tensors: ModuleTensors, _ scheme: Scheme, _ codes: StoredTensor, _ rows: Int,
        _ columns: Int
    ) throws(CheckpointError) -> any WeightMatrix {
        let scales = try tensors.required("scales", .uint8)
        try scales.checkShape([rows, columns / scheme.groupSize])
        let values =
            scheme.mode == .nvfp4
            ? try scales.decoded(.e4m3) : try scales.finiteFloats()
        return try LookupAssembly(
            tensor: codes, rows: rows, columns: columns,
            packing: scheme.mode == .mxfp8 ? .bytes : .lowHalfFirst,
            table: (scheme.mode == .mxfp8 ? NumberFormat.e4m3 : .e2m1).allValues,
            blocks: .tiles(rows: 1, columns: scheme.groupSize), scales: values,
            formatName: scheme.mode.rawValue, byteCount: tensors.byteCount(["weight", "scales"])
        ).matrix()
    }
}
