import HalftoneFormats
import HalftoneKernels

/// A matrix in another form, and for what it leaves over the product `left · right` of two thin
/// matrices in 16 bits: the leading singular vectors of the rest, each column of it times the root
/// of its importance.
///
/// Source: C. Zhang et al., "LQER: Low-Rank Quantization Error Reconstruction for LLMs",
/// arXiv:2402.02446, equations 7 to 11 (there the mean magnitude of activations scales columns).
///
/// Parts: `left` F16 `[rows, rank]`, `right` F16 `[rank, columns]`, then those of `base`.
struct LowRankForm: MatrixCoding {
    let rank: Int
    let base: MatrixForm

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let factors = try ThinFactors.layout(rank, rows, columns)
        let inner = try base.layout(rows: rows, columns: columns)
        return factors + inner.map { $0.inside("base") }
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let parts = try base.coding.encode(source)
        var reader = try PartReader(base, source, parts)
        let decoded = try base.coding.decode(&reader, source.rows, source.columns)
        let rest = zip(source.values, decoded).map { $0 - $1 }
        return try ThinFactors(of: source.with(rest), rank: rank).parts() + parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let factors = try ThinFactors(&reader, rank: rank)
        var values = try base.coding.decode(&reader, rows, columns)
        factors.add(to: &values, rows: rows, columns: columns)
        return values
    }
}

/// Forms whose values add up: each holds what the ones before leave over.
///
/// Source: with one-bit forms, Z. Li et al. and others call it residual binarization, as in ABC-Net
/// (X. Lin et al., "Towards Accurate Binary Convolutional Neural Network", arXiv:1711.11294,
/// section 3.1), here with the greedy choice of planes of Y. Guo et al., "Network Sketching",
/// arXiv:1706.02021, algorithm 1.
///
/// Parts: those of `stage0`, `stage1` and so on.
struct ResidualForm: MatrixCoding {
    let forms: [MatrixForm]

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard !forms.isEmpty else { throw .badForm("a residual stack without forms") }
        var parts: [PartLayout] = []
        for (index, form) in forms.enumerated() {
            parts += try form.layout(rows: rows, columns: columns).map {
                $0.inside("stage\(index)")
            }
        }
        return parts
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        var rest = source
        var parts: [Bytes] = []
        for form in forms {
            let stage = try form.coding.encode(rest)
            var reader = try PartReader(form, rest, stage)
            let decoded = try form.coding.decode(&reader, source.rows, source.columns)
            rest.values = zip(rest.values, decoded).map { $0 - $1 }
            parts += stage
        }
        return parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        var values = [Float](repeating: 0, count: rows * columns)
        for form in forms {
            let stage = try form.coding.decode(&reader, rows, columns)
            for (place, value) in stage.enumerated() { values[place] += value }
        }
        return values
    }
}
