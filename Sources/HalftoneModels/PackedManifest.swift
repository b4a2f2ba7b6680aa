import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

/// The `quantization_config` of a folder that holds packed matrices.
///
/// For a weight `W` of shape `[out, in]` that is packed, the folder has in its place
/// - `W.codes`, U8 `[out, bytesPerRow]`: codes in the layout of `PackedCodes`;
/// - `W.scales` `[out, groups]` (`[1, 1]` for one scale per tensor) as F32, F16, BF16 or F8_E4M3;
/// - `W.scale_factor`, F32 `[1]`, with F8_E4M3 scales only: multiplies them all;
/// - `W.zeros`, U8, with affine formats only: one code of `bits` bits per scale, as one stream of
///   bits from the least significant on.
///
/// or, in panels, in place of these
/// - `W.panels`, U8 `[panels, panelByteCount]`: everything in the order of `PanelLayout`, at a
///   multiple of 64 bytes in the file, so that it is multiplied where it is mapped.
///
/// or, coded, in place of `W.codes`
/// - `W.coded`, U8: the codes in the layout of `CodedRows`.
///
/// Rows and columns are those of the product, `output[r] = Σ_c W[r, c] · input[c]`, in the order
/// that this package computes in, whatever the layout of the float checkpoint.
/// The value of an element is `scale · (code − zero)`. A weight in another `MatrixForm` has the
/// parts of its form, each under the name of the weight, a dot and its own name, and is listed under
/// `matrices` with the form and the shape. The configuration lists the schemes in use
/// and, for each packed weight, its scheme and shape:
///
/// ```json
/// "quantization_config": {
///     "quant_method": "halftone", "version": 1,
///     "schemes": [{"format": "int4", "group": "64", "scale": "f16"}],
///     "tensors": {"model.layers.0.mlp.up_proj.weight": {"scheme": 0, "shape": [1536, 576]}}
/// }
/// ```
///
/// The entry of a weight in panels says so as `"layout": "panels-1"`, and of one with coded codes as
/// `"layout": "coded-1"`, the layout's name and version. A manifest with such entries has version 2, or 3
/// with coded ones, so that programs that do not know them say so.
public struct PackedManifest: Sendable, Equatable {
    /// The value of `quant_method`.
    public static let method = "halftone"
    /// The latest version that is read; written where codes are coded, 2 where there are panels, else
    /// 1.
    public static let version = 3

    /// How a weight's codes lie in the file.
    public enum Layout: String, Sendable, CaseIterable {
        /// Row after row, with scales and zero points beside them.
        case rows
        /// In panels, which hold all of it.
        case panels
        /// As an entropy coder leaves them, with scales and zero points beside them.
        case coded

        /// The name and version in the manifest.
        public var name: String {
            switch self {
            case .rows: "rows"
            case .panels: PanelLayout.name
            case .coded: CodedRows.name
            }
        }

        /// The version of a manifest that has it.
        var version: Int {
            switch self {
            case .rows: 1
            case .panels: 2
            case .coded: 3
            }
        }
    }

    /// How matrices are packed: their number format, scales and groups.
    public struct Scheme: Sendable, Hashable {
        /// Bits of a code and whether zero points are stored.
        public var format: IntegerFormat
        /// Which weights share a scale.
        public var granularity: Granularity
        /// How scales are stored.
        public var scaleFormat: ScaleFormat

        /// Describes a scheme.
        public init(format: IntegerFormat, granularity: Granularity, scaleFormat: ScaleFormat) {
            self.format = format
            self.granularity = granularity
            self.scaleFormat = scaleFormat
        }
    }

    /// One packed weight.
    public struct Entry: Sendable, Equatable {
        /// How it is packed.
        public var scheme: Scheme
        /// Output features.
        public var rows: Int
        /// Input features.
        public var columns: Int
        /// How its codes lie in the file.
        public var layout: Layout

        /// Describes a packed weight.
        public init(scheme: Scheme, rows: Int, columns: Int, layout: Layout = .rows) {
            self.scheme = scheme
            self.rows = rows
            self.columns = columns
            self.layout = layout
        }
    }

    /// The packed weights by the names of the float weights that they replace.
    public private(set) var entries: [String: Entry] = [:]

    /// A weight in a form of its own.
    public struct FormEntry: Sendable, Equatable {
        /// How it is stored.
        public var form: MatrixForm
        /// Output features.
        public var rows: Int
        /// Input features.
        public var columns: Int

        /// Describes a weight.
        public init(form: MatrixForm, rows: Int, columns: Int) {
            self.form = form
            self.rows = rows
            self.columns = columns
        }
    }

    /// The weights in other forms than integer codes with scales.
    public private(set) var forms: [String: FormEntry] = [:]

    /// A manifest without weights.
    public init() {}

    /// Adds a weight.
    public mutating func add(_ name: String, _ entry: Entry) { entries[name] = entry }

    /// Adds a weight in a form of its own.
    public mutating func add(_ name: String, _ entry: FormEntry) { forms[name] = entry }

    /// Reads the manifest of a `config.json`, or nil when the weights are float or packed by
    /// another program.
    ///
    /// - Throws: ``ModelError`` for a manifest that is damaged.
    public init?(configuration: JSONValue) throws(ModelError) {
        guard let config = try ConfigurationReader(configuration).object("quantization_config")
        else { return nil }
        guard config["quant_method"]?.string == Self.method else { return nil }
        let version = try config.integer("version")
        guard (1...Self.version).contains(version) else {
            throw .unsupported(
                key: "quantization_config.version", value: "\(version)",
                hint: "versions 1 to \(Self.version) are; read the model with the program that "
                    + "wrote it")
        }
        let schemes = try Self.schemes(config["schemes"]?.array ?? [])
        for (name, value) in config["tensors"]?.object?.members ?? [] {
            let entry = ConfigurationReader(value)
            let index = try entry.integer("scheme", in: 0...(1 << 20))
            guard index < schemes.count, let shape = Self.shape(value) else {
                throw .badConfiguration(
                    key: "quantization_config.tensors." + name, found: value.serialized(),
                    wanted: "a scheme below \(schemes.count) and a shape of two sizes")
            }
            let layout = try entry.string("layout", default: "rows")
            guard let layout = Layout.allCases.first(where: { $0.name == layout }) else {
                throw .unsupported(
                    key: "quantization_config.tensors." + name + ".layout", value: layout,
                    hint: Layout.allCases.map(\.name).joined(separator: ", ")
                        + " are; read the model with the program that wrote it")
            }
            entries[name] = Entry(
                scheme: schemes[index], rows: shape.rows, columns: shape.columns,
                layout: layout)
        }
        for (name, value) in config["matrices"]?.object?.members ?? [] {
            guard let shape = Self.shape(value) else {
                throw .badConfiguration(
                    key: "quantization_config.matrices." + name, found: value.serialized(),
                    wanted: "a form and a shape of two sizes")
            }
            forms[name] = FormEntry(
                form: try MatrixForm(json: value["form"] ?? .null), rows: shape.rows,
                columns: shape.columns)
        }
    }

    private static func shape(_ value: JSONValue) -> (rows: Int, columns: Int)? {
        let shape = value["shape"]?.array?.compactMap(\.integer) ?? []
        guard shape.count == 2, shape.allSatisfy({ (1...1 << 30).contains($0) }) else { return nil }
        return (shape[0], shape[1])
    }

    private static func schemes(_ values: [JSONValue]) throws(ModelError) -> [Scheme] {
        var schemes: [Scheme] = []
        for value in values {
            guard let format = value["format"]?.string.flatMap(IntegerFormat.init(named:)),
                let group = value["group"]?.string.flatMap(Granularity.init(named:)),
                let scale = value["scale"]?.string.flatMap(ScaleFormat.init(rawValue:))
            else {
                throw .badConfiguration(
                    key: "quantization_config.schemes", found: value.serialized(),
                    wanted: "a format such as int4, a group such as 64, a scale such as f16")
            }
            schemes.append(Scheme(format: format, granularity: group, scaleFormat: scale))
        }
        return schemes
    }

    /// The value of `quantization_config`, weights in the order of their names.
    ///
    /// - Throws: ``ModelError`` for a form whose number format has no name.
    public func json() throws(ModelError) -> JSONValue {
        var schemes: [Scheme] = []
        var tensors = JSONObject()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            let index = schemes.firstIndex(of: entry.scheme) ?? schemes.count
            if index == schemes.count { schemes.append(entry.scheme) }
            var object: JSONObject = [
                "scheme": .integer(index),
                "shape": [.integer(entry.rows), .integer(entry.columns)],
            ]
            if entry.layout != .rows { object["layout"] = .string(entry.layout.name) }
            tensors[name] = .object(object)
        }
        let list = schemes.map { scheme -> JSONValue in
            [
                "format": .string(scheme.format.description),
                "group": .string(scheme.granularity.description),
                "scale": .string(scheme.scaleFormat.rawValue),
            ]
        }
        var json: JSONObject = [
            "quant_method": .string(Self.method),
            "version": .integer(entries.values.map(\.layout.version).max() ?? 1),
            "schemes": .array(list), "tensors": .object(tensors),
        ]
        if !forms.isEmpty {
            var matrices = JSONObject()
            for (name, entry) in forms.sorted(by: { $0.key < $1.key }) {
                matrices[name] = [
                    "form": try entry.form.json(),
                    "shape": [.integer(entry.rows), .integer(entry.columns)],
                ]
            }
            json["matrices"] = .object(matrices)
        }
        return .object(json)
    }
}
