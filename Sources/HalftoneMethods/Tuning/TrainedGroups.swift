import HalftoneFormats
import HalftoneKernels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// Multiplies groups or blocks of a packed matrix by factors that can be trained.
///
/// Where a group does not divide a row, the row has one factor. A pass multiplies by what scales can
/// be stored with, and gradients go to the factors as if that were nothing (the straight-through
/// estimator).
///
/// Checkpoint name: `factors`.
final class GroupFactors: WeightTransform {
    /// A factor for each group, `[rows, groups, 1]`, 1 at first.
    let factors: Parameter
    private let packed: PackedWeight

    init(_ packed: PackedWeight) {
        self.packed = packed
        factors = Parameter(Tensor.filled([packed.rows, packed.scalesPerRow, 1], with: 1))
    }

    var parts: Parts { ["factors": factors] }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let shape = factors.shape
        let groups = x.reshaped([shape[0], shape[1], -1])
        return (groups * storable(context)).reshaped(x.shape)
    }

    /// The factors as scales can be stored with them.
    fileprivate func storable(_ context: ForwardContext) -> Tensor {
        let used = context.value(of: factors)
        let exact = Array(used.elements)
        guard let stored = packed.storable(exact) else { return used }
        return used + Tensor(shape: factors.shape, elements: zip(stored, exact).map { $0 - $1 })
    }
}

/// Multiplies the outputs of a packed matrix by a factor for each row that can be trained.
///
/// A row that has one scale has it in all of its output: the gradient of the factor is that of the output
/// times the output, and none of the weight is needed.
///
/// Checkpoint name: `scales`.
final class RowFactors: ProductRule {
    /// One for each row.
    let scales: GroupFactors

    init(_ scales: GroupFactors) {
        precondition(scales.factors.shape[1] == 1, "a row has one scale")
        self.scales = scales
    }

    var parts: Parts { ["scales": scales] }

    func compute(
        _ product: some Product, _ input: Tensor, _ weight: Tensor, _ context: ForwardContext
    ) -> Tensor {
        product.value(input, weight) * scales.storable(context).reshaped([-1])
    }
}

/// Rounds the layer's weight, which has a latent for each code, and multiplies by scales: both can be
/// trained.
///
/// Gradients go to latents as if rounding were nothing (the straight-through estimator).
///
/// Checkpoint name: `scales`.
final class TrainedCodes: WeightTransform {
    /// What scales are multiplied by.
    let scales: GroupFactors
    private let tensor: QuantizedTensor
    private let (base, zeros): (Tensor, Tensor)

    /// Prepares the codes of a matrix; nil where groups do not divide a row.
    init?(_ packed: PackedWeight, _ scales: GroupFactors) {
        guard let tensor = packed.codes, tensor.matrix.scales.count == scales.factors.value.count
        else { return nil }
        (self.tensor, self.scales) = (tensor, scales)
        let shape = scales.factors.shape
        base = Tensor(shape: shape, elements: tensor.matrix.scales)
        zeros =
            tensor.matrix.zeroPoints.map { Tensor(shape: shape, elements: $0) }
            ?? .filled(shape, with: tensor.scheme.format.symmetricZeroPoint)
    }

    var parts: Parts { ["scales": scales] }

    /// How latents are trained, at a rate.
    func rule(rate: Double) -> CodeStep {
        CodeStep(
            rate: rate, columns: tensor.columns, largest: Float(tensor.scheme.format.maximumCode))
    }

    /// Latents on the codes that the matrix has, `[rows, columns]`.
    var latents: Tensor {
        let codes = PackedCodes.unpack(
            tensor.parts.codes, rows: tensor.rows, columns: tensor.columns,
            bits: tensor.scheme.format.bits)
        return Tensor(
            shape: [tensor.rows, tensor.columns],
            elements: FloatArray(codes.map { Float($0) }))
    }

    /// The codes of latents, in the layout of `PackedCodes`.
    func codes(of latents: Tensor) -> [UInt8] {
        PackedCodes.pack(
            codes: latents.rounded().elements.array.map { UInt8($0) }, rows: tensor.rows,
            columns: tensor.columns, bits: tensor.scheme.format.bits)
    }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let factors = scales.storable(context) * base
        let (latents, used, offsets) = (x.elements, factors.elements, zeros.elements)
        let values = CodeLatents.values(latents, scales: used, zeros: offsets)
        return Tensor.recorded(x.shape, values, from: [x, factors]) { record in
            var gradient = record.takeUpstream()
            let ofScales = CodeLatents.pullback(
                &gradient, latents: latents, scales: used, zeros: offsets)
            record.add(gradient, to: 0)
            record.add(ofScales, to: 1)
        }
    }
}

/// Moves latents of codes against their gradients, each divided by the size that its row and column let
/// expect.
///
/// A code changes once its latent is half a code away: where gradients of many windows agree. Noise
/// cancels on the way there, so nothing else has to be kept for a latent.
///
/// Source: the product of row and column sums is that of N. Shazeer and M. Stern, "Adafactor: Adaptive
/// Learning Rates with Sublinear Memory Cost", arXiv:1804.04235, Algorithm 2, here of one step each.
struct CodeStep: UpdateRule {
    /// How far a latent moves whose gradient is as large as expected, in codes.
    var rate: Double
    /// Of the matrix.
    var columns: Int
    /// The largest code.
    var largest: Float

    var slotNames: [String] { [] }

    func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double
    ) {
        // What clipping leaves of a gradient is divided out again.
        CodeLatents.step(
            &weights, gradient: gradient, columns: columns, rate: Float(rate), largest: largest)
    }
}
