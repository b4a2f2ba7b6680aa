import HalftoneCheckpoints
import HalftoneFiles
import HalftoneKernels

extension PackedCheckpoints {
    /// The layout that the documents of a folder name, or nil when its weights are float.
    static func layout(of folder: ModelFolder) throws -> (any PackedLayout)? {
        let documents = Documents(
            configuration: folder.config, gptq: try folder.json("quantize_config.json"),
            awq: try folder.json("quant_config.json"))
        do {
            return try open(documents)
        } catch {
            throw ModelError.checkpoint(error)
        }
    }
}

extension PackedLayout {
    /// The packed matrix that stands for a float weight, as the run time uses it.
    ///
    /// - Parameters:
    ///   - name: The name of the float weight.
    ///   - form: How it would lie in a float checkpoint.
    ///   - archive: The folder's tensors.
    /// - Returns: Nil when the weight is not packed.
    func matrix(
        named name: String, stored form: StoredForm.Layout, in archive: any TensorArchive
    ) throws(ModelError) -> (any WeightMatrix)? {
        let suffix = ".weight"
        guard name.hasSuffix(suffix) else { return nil }
        let found: (any WeightMatrix)?
        do {
            found = try matrix(of: String(name.dropLast(suffix.count)), in: archive)
        } catch {
            throw .checkpoint(error)
        }
        guard let found else { return nil }
        switch form {
        case .same, .minusOne: return found
        case .rows(let order):
            guard order.allSatisfy({ (0..<found.rows).contains($0) }) else { return found }
            return found.gatheringRows(order)
        case .transposed:
            guard transposesConvolutions else {
                throw .unreadableTensor(
                    name: name,
                    reason: "it is packed as \(summary), which for weights stored as [in, out] is "
                        + "not read")
            }
            return found
        }
    }
}
