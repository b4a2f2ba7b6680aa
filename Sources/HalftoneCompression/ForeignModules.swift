import HalftoneCheckpoints
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

/// The packed matrices of a model as the modules of another program's layout.
struct ForeignModules {
    let layout: ExportLayout
    /// The modules by the places of their matrices.
    let modules: [Role: ExportLayout.Module]
    private let head: String

    /// Checks that every packed matrix has its place in the layout.
    ///
    /// - Throws: ``CheckpointError`` naming the first module that has none.
    init(
        _ model: LanguageModel, _ quantized: [Role: QuantizedTensor], _ layout: ExportLayout
    ) throws(CheckpointError) {
        var modules: [Role: ExportLayout.Module] = [:]
        for slot in model.spec.slots {
            guard let packed = quantized[slot.role] else { continue }
            let form = model.architecture.huggingFace(slot.role, in: model.spec)
            let name = Self.module(form)
            guard slot.role.isLinear else {
                throw .notRepresentable(
                    module: name, layout: layout.rawValue,
                    reason: "only linear layers are packed there; leave the embedding float")
            }
            let module = ExportLayout.Module(
                name: name, matrix: try Self.matrix(packed.matrix, form, name, layout),
                scaleType: packed.scheme.scaleFormat.elementType)
            try layout.check(module)
            modules[slot.role] = module
        }
        self.layout = layout
        self.modules = modules
        head = Self.module(model.architecture.huggingFace(Role(.head), in: model.spec))
    }

    private static func module(_ form: StoredForm) -> String {
        let suffix = ".weight"
        let name = form.names[0]
        return name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    /// The matrix with its rows as the checkpoint has them.
    private static func matrix(
        _ matrix: UniformMatrix, _ form: StoredForm, _ name: String, _ layout: ExportLayout
    ) throws(CheckpointError) -> UniformMatrix {
        switch form.layout {
        case .same, .minusOne: return matrix
        case .transposed:
            // GPTQ packs these like linear layers.
            guard layout != .compressedTensors else {
                throw .notRepresentable(
                    module: name, layout: layout.rawValue,
                    reason: "its weight is stored as [in, out], and is no linear layer there")
            }
            return matrix
        case .rows(let order):
            var places = [Int](repeating: 0, count: order.count)
            for (row, place) in order.enumerated() { places[place] = row }
            guard let gathered = matrix.gatheringRows(places) as? UniformMatrix else {
                return matrix
            }
            return gathered
        }
    }

    /// The value of `quantization_config`.
    func configuration() throws(CheckpointError) -> JSONValue {
        let isHeadPacked = modules[Role(.head)] != nil
        return try layout.configuration(
            modules.values.sorted { $0.name < $1.name }, ignored: isHeadPacked ? [] : [head])
    }
}
