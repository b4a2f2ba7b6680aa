import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// A trained layer of ``BitNetReloaded`` as it is stored and run: two bits per weight, one scale.
public struct PackedBitLinear: Sendable {
    /// How inputs are normalized and rounded.
    public let method: BitNetReloaded

    /// −1, 0 or 1, `[outFeatures, inFeatures]`.
    public let weight: TernaryMatrix

    /// What weights were multiplied by.
    public let weightScale: Float

    /// `[outFeatures]`, or nil.
    public let bias: Tensor?

    /// Rounds and packs a layer.
    ///
    /// - Parameters:
    ///   - method: How weights are rounded.
    ///   - weight: `[outFeatures, inFeatures]`.
    ///   - bias: Added to the product, or nil.
    public init(_ method: BitNetReloaded, weight: Tensor, bias: Tensor? = nil) {
        var method = method
        method.share = 1
        self.method = method
        self.weight = TernaryMatrix(
            rows: weight.shape[0], columns: weight.shape[1],
            codes: method.ternary(weight.stopGradient()).elements.map { Int8($0) })
        weightScale = method.weightScale(weight)
        self.bias = bias?.stopGradient()
    }

    /// Bytes of weights, scale and bias.
    public var byteCount: Int { weight.byteCount + 4 + 4 * (bias?.count ?? 0) }

    /// The layer's output, bit for bit that of ``BitNetReloaded/linear(_:weight:bias:)``.
    ///
    /// - Parameter x: `[…, inFeatures]`, with at most 2¹⁶ input features.
    /// - Returns: `[…, outFeatures]`; sums are integers until they are scaled back.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let x = x.stopGradient()
        let normalized = method.normalizes ? method.normalized(x) : x
        let scales = method.inputScales(normalized)
        let codes = (normalized * scales)
            .codes(step: Tensor(1), codes: .signed(bits: method.inputBits))
        let columns = weight.columns
        var sums: [Float] = []
        for start in stride(from: 0, to: codes.count, by: max(columns, 1)) {
            let row = codes.elements[start..<start + columns].map { Int8($0) }
            sums += weight.products(with: row).map { Float($0) }
        }
        let product = Tensor(shape: Array(x.shape.dropLast()) + [weight.rows], elements: sums)
        let output = product / (scales * weightScale)
        return bias.map { output + $0 } ?? output
    }
}
