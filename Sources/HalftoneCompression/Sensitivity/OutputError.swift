import HalftoneTensor

/// The squared change of a matrix's outputs as a share of their square: knows nothing of what
/// follows.
///
/// `Σ_r d_r·M·d_rᵀ / Σ_r w_r·M·w_rᵀ` with rows `w_r`, what is taken away from them `d_r`, and the
/// mean `M` of `x·xᵀ` over tokens; of a table that is only looked up, with the unit matrix for `M`.
public struct OutputError: Sensitivity {
    /// Describes the measure.
    public init() {}

    /// A share of the outputs' square.
    public var unit: CostUnit { .outputShare }

    /// What a change costs.
    public func cost(of change: WeightChange) -> Double {
        let size = change.site.squares(change.site.original).sum().item
        return size > 0 ? Double(change.site.squares(change.difference).sum().item / size) : 0
    }
}

extension Sensitivity where Self == OutputError {
    /// The change of all outputs as a share of what they are.
    public static var error: OutputError { OutputError() }
}
