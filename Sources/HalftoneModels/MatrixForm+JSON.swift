import HalftoneFiles
import HalftoneFormats
import HalftoneQuantization

extension MatrixForm {
    /// The form as ``PackedManifest`` writes it: an object with a `kind`.
    ///
    /// - Throws: ``ModelError`` for a number format without a name of its own.
    public func json() throws(ModelError) -> JSONValue {
        switch self {
        case .scaled(let format, let granularity, let scales):
            return [
                "kind": "scaled", "format": .string(try Self.name(format)),
                "group": .string(granularity.description), "scale": try Self.json(scales),
            ]
        case .blocks(let layout):
            guard BlockLayout(named: layout.name) == layout else {
                throw Self.unknown("blocks", layout.name)
            }
            return ["kind": "blocks", "layout": .string(layout.name)]
        case .gguf(let type): return ["kind": "gguf", "type": .string(type.name)]
        case .dualBinary(let granularity):
            return ["kind": "dual-binary", "group": .string(granularity.description)]
        case .vectors(let dimension, let count):
            return [
                "kind": "vectors", "dimension": .integer(dimension), "count": .integer(count),
            ]
        case .complexUnits: return ["kind": "complex-units"]
        case .affineSigns: return ["kind": "affine-signs"]
        case .outlierColumns(let count, let base):
            return [
                "kind": "outlier-columns", "count": .integer(count), "base": try base.json(),
            ]
        case .columnClasses(let classes):
            var list: [JSONValue] = []
            for one in classes {
                list.append(["columns": .integer(one.columns), "form": try one.form.json()])
            }
            return ["kind": "column-classes", "classes": .array(list)]
        case .columnLevels(let classes, let group):
            let list = classes.map { one -> JSONValue in
                ["levels": .integer(one.levels), "columns": .integer(one.columns)]
            }
            var form = JSONObject()
            form["kind"] = "column-levels"
            form["classes"] = .array(list)
            form["group"] = group.map { .integer($0) }
            return .object(form)
        case .lowRank(let rank, let base):
            return ["kind": "low-rank", "rank": .integer(rank), "base": try base.json()]
        case .signedLowRank(let rank): return ["kind": "signed-low-rank", "rank": .integer(rank)]
        case .residual(let forms):
            var list: [JSONValue] = []
            for form in forms { list.append(try form.json()) }
            return ["kind": "residual", "stages": .array(list)]
        case .sparse(let count, let base):
            return ["kind": "sparse", "count": .integer(count), "base": try base.json()]
        }
    }

    /// Reads a form.
    ///
    /// - Throws: ``ModelError`` for what is no form, also when it is too deep.
    public init(json value: JSONValue) throws(ModelError) {
        try self.init(value, depth: Self.maximumDepth)
    }

    private init(_ value: JSONValue, depth: Int) throws(ModelError) {
        guard depth > 0 else { throw Self.unknown("form", "more than \(Self.maximumDepth) deep") }
        func inner(_ value: JSONValue?) throws(ModelError) -> MatrixForm {
            try MatrixForm(value ?? .null, depth: depth - 1)
        }
        func number(_ name: String) throws(ModelError) -> Int {
            guard let found = value[name]?.integer, (0...1 << 40).contains(found) else {
                throw Self.unknown(name, value[name]?.serialized() ?? "nothing")
            }
            return found
        }
        func group() throws(ModelError) -> Granularity {
            guard let found = value["group"]?.string.flatMap(Granularity.init(named:)) else {
                throw Self.unknown("group", value["group"]?.serialized() ?? "nothing")
            }
            return found
        }
        switch value["kind"]?.string {
        case "scaled":
            self = .scaled(
                try Self.format(value["format"]), try group(), try Self.scales(value["scale"]))
        case "blocks":
            guard let layout = value["layout"]?.string.flatMap(BlockLayout.init(named:)) else {
                throw Self.unknown("layout", value["layout"]?.serialized() ?? "nothing")
            }
            self = .blocks(layout)
        case "gguf":
            guard let type = value["type"]?.string.flatMap(BlockType.init(named:)) else {
                throw Self.unknown("type", value["type"]?.serialized() ?? "nothing")
            }
            self = .gguf(type)
        case "dual-binary": self = .dualBinary(try group())
        case "vectors":
            self = .vectors(dimension: try number("dimension"), count: try number("count"))
        case "complex-units": self = .complexUnits
        case "affine-signs": self = .affineSigns
        case "outlier-columns":
            self = .outlierColumns(try number("count"), base: try inner(value["base"]))
        case "column-classes":
            var classes: [ColumnClass] = []
            for one in value["classes"]?.array ?? [] {
                guard let columns = one["columns"]?.integer, (0...1 << 30).contains(columns) else {
                    throw Self.unknown("columns", one.serialized())
                }
                classes.append(ColumnClass(columns: columns, form: try inner(one["form"])))
            }
            self = .columnClasses(classes)
        case "column-levels":
            var classes: [LevelClass] = []
            for one in value["classes"]?.array ?? [] {
                guard let levels = one["levels"]?.integer, (1...256).contains(levels),
                    let columns = one["columns"]?.integer, (0...1 << 30).contains(columns)
                else { throw Self.unknown("levels", one.serialized()) }
                classes.append(LevelClass(levels: levels, columns: columns))
            }
            self = .columnLevels(
                classes, group: value["group"] == nil ? nil : try number("group"))
        case "low-rank": self = .lowRank(try number("rank"), base: try inner(value["base"]))
        case "signed-low-rank": self = .signedLowRank(try number("rank"))
        case "residual":
            var stages: [MatrixForm] = []
            for stage in value["stages"]?.array ?? [] { stages.append(try inner(stage)) }
            self = .residual(stages)
        case "sparse": self = .sparse(try number("count"), base: try inner(value["base"]))
        default: throw Self.unknown("kind", value["kind"]?.serialized() ?? value.serialized())
        }
    }

    private static func unknown(_ key: String, _ found: String) -> ModelError {
        .badConfiguration(
            key: "quantization_config.matrices." + key, found: found,
            wanted: "what this version writes")
    }

    private static func name(_ format: NumberFormat) throws(ModelError) -> String {
        guard NumberFormat(named: format.description) == format else {
            throw unknown("format", format.description)
        }
        return format.description
    }

    private static func format(_ value: JSONValue?) throws(ModelError) -> NumberFormat {
        guard let format = value?.string.flatMap(NumberFormat.init(named:)) else {
            throw unknown("format", value?.serialized() ?? "nothing")
        }
        return format
    }

    private static func json(_ scales: ScaleStorage) throws(ModelError) -> JSONValue {
        switch scales {
        case .plain(let format): .string(format.rawValue)
        case .affine(let format): ["zeros": .string(format.rawValue)]
        case .quantized(let format, let group):
            ["format": .string(try name(format)), "group": .integer(group)]
        case .offset(let bits, let group, let format):
            [
                "bits": .integer(bits), "group": .integer(group),
                "format": .string(format.rawValue),
            ]
        }
    }

    private static func scales(_ value: JSONValue?) throws(ModelError) -> ScaleStorage {
        if let plain = value?.string.flatMap(ScaleFormat.init(rawValue:)) { return .plain(plain) }
        if let zeros = value?["zeros"]?.string.flatMap(ScaleFormat.init(rawValue:)) {
            return .affine(zeros)
        }
        guard let group = value?["group"]?.integer, (1...1 << 20).contains(group) else {
            throw unknown("scale", value?.serialized() ?? "nothing")
        }
        if let bits = value?["bits"]?.integer {
            guard let scale = value?["format"]?.string.flatMap(ScaleFormat.init(rawValue:)) else {
                throw unknown("scale", value?.serialized() ?? "nothing")
            }
            return .offset(bits: bits, group: group, scale)
        }
        return .quantized(try format(value?["format"]), group: group)
    }
}
