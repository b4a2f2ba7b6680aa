import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Turns the tensors of a file into the parameters of a spec.
struct ParameterLoader {
    let spec: DecoderSpec
    /// The stored form of a role in this kind of file.
    let form: (Role) -> StoredForm
    /// The tensor of a name.
    let lookup: (String) -> StoredTensor?
    /// A packed matrix under a tensor's name, for folders that hold such, as the run time uses it.
    var packed: (String, StoredForm.Layout) throws(ModelError) -> (any WeightMatrix)? = { _, _ in
        nil
    }

    /// Loads every parameter; matrices share the file's memory where their layout allows.
    ///
    /// - Throws: ``ModelError`` with all missing and misshapen tensors at once.
    func load() throws(ModelError) -> DecoderWeights {
        var matrices: [Role: any WeightMatrix] = [:]
        var vectors: [Role: [Float]] = [:]
        var missing: [String] = []
        var misshapen: [String] = []
        for slot in spec.slots {
            let form = form(slot.role)
            if slot.shape.count == 2, let matrix = try packedMatrix(form) {
                let found = [matrix.rows, matrix.columns]
                if found != slot.shape {
                    misshapen.append("\(form.names[0]) is \(found), not \(slot.shape)")
                }
                matrices[slot.role] = matrix
                continue
            }
            guard let tensor = form.names.lazy.compactMap(lookup).first else {
                missing.append(form.names[0])
                continue
            }
            let stored = form.layout == .transposed ? Array(slot.shape.reversed()) : slot.shape
            guard tensor.shape == stored else {
                misshapen.append("\(tensor.name) is \(tensor.shape), not \(stored)")
                continue
            }
            if slot.shape.count == 2 {
                matrices[slot.role] = try matrix(tensor, form.layout)
            } else {
                vectors[slot.role] = try vector(tensor, form.layout)
            }
        }
        guard missing.isEmpty, misshapen.isEmpty else {
            throw .tensorMismatch(missing: missing, misshapen: misshapen)
        }
        return try DecoderWeights(spec: spec, matrices: matrices, vectors: vectors)
    }

    private func packedMatrix(_ form: StoredForm) throws(ModelError) -> (any WeightMatrix)? {
        for name in form.names {
            if let matrix = try packed(name, form.layout) { return matrix }
        }
        return nil
    }

    private func matrix(
        _ tensor: StoredTensor, _ layout: StoredForm.Layout
    ) throws(ModelError) -> any WeightMatrix {
        let stored = try tensor.matrix()
        switch layout {
        case .same, .minusOne: return stored
        case .rows(let order): return stored.gatheringRows(order)
        case .transposed: return try tensor.transposedMatrix()
        }
    }

    private func vector(
        _ tensor: StoredTensor, _ layout: StoredForm.Layout
    ) throws(ModelError) -> [Float] {
        let values = try tensor.floats()
        switch layout {
        case .same, .transposed: return values
        case .rows(let order): return order.map { values[$0] }
        case .minusOne: return values.map { $0 + 1 }
        }
    }
}

extension StoredTensor {
    /// The block type whose decoder reads this tensor's elements.
    func blockType() throws(ModelError) -> BlockType {
        switch encoding {
        case .blocks(let type): return type
        case .elements(.float32): return .f32
        case .elements(.float16): return .f16
        case .elements(.bfloat16): return .bf16
        case .elements(.float64): return .f64
        case .elements(let type):
            throw .unreadableTensor(
                name: name,
                reason:
                    "elements of type \(type.rawValue) are no weights; F32, F16, BF16 and F64 are")
        }
    }

    /// The tensor as a matrix of its first dimension by its last.
    public func matrix() throws(ModelError) -> any WeightMatrix {
        guard shape.count == 2 else {
            throw .unreadableTensor(name: name, reason: "shape \(shape) is not that of a matrix")
        }
        return try matrix(rows: shape[0], columns: shape[1])
    }

    /// All elements as float32.
    public func floats() throws(ModelError) -> [Float] {
        let columns = shape.last ?? 1
        guard columns > 0 else { return [] }
        return try matrix(rows: elementCount / columns, columns: columns).decoded()
    }

    private func matrix(rows: Int, columns: Int) throws(ModelError) -> BlockMatrix {
        let type = try blockType()
        do {
            return try BlockMatrix(type: type, rows: rows, columns: columns, bytes: bytes)
        } catch {
            throw .unreadableTensor(name: name, reason: "\(error)")
        }
    }

    /// The transpose of a matrix of plain elements, in memory of its own.
    func transposedMatrix() throws(ModelError) -> any WeightMatrix {
        let type = try blockType()
        guard type.isPlain, shape.count == 2 else {
            throw .unreadableTensor(
                name: name, reason: "only plain elements can be transposed, not \(encoding.name)")
        }
        let (rows, columns) = (shape[0], shape[1])
        let size = type.bytesPerBlock
        var turned = [UInt8](repeating: 0, count: rows * columns * size)
        for row in 0..<rows {
            for column in 0..<columns {
                for byte in 0..<size {
                    turned[(column * rows + row) * size + byte] =
                        bytes[(row * columns + column) * size + byte]
                }
            }
        }
        return try StoredTensor(
            name: name, shape: [columns, rows], encoding: encoding, bytes: Bytes(turned)
        ).matrix()
    }
}

extension DecoderWeights {
    /// Loads the parameters of a Hugging Face checkpoint.
    ///
    /// - Parameters:
    ///   - archive: The tensors.
    ///   - spec: What the model computes.
    ///   - architecture: What files of its kind call things.
    ///   - packed: The matrix of a tensor that is stored packed, as the run time uses it, given
    ///     its name and its layout in float checkpoints; nil when it is not packed.
    /// - Throws: ``ModelError`` with all missing and misshapen tensors at once.
    public static func load(
        _ archive: any TensorArchive, spec: DecoderSpec, architecture: any Architecture.Type,
        packed: @escaping (String, StoredForm.Layout) throws(ModelError) -> (any WeightMatrix)? = {
            _, _ in nil
        }
    ) throws(ModelError) -> DecoderWeights {
        try ParameterLoader(
            spec: spec, form: { architecture.huggingFace($0, in: spec) },
            lookup: { archive.tensor(named: $0) }, packed: packed
        ).load()
    }
}
