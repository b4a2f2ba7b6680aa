import HalftoneKernels

// Comparisons give 1 where they hold and 0 elsewhere; no gradient flows back through them.

extension Tensor {
    /// Whether each pair is equal.
    public static func .== (left: Tensor, right: Tensor) -> Tensor { compare(.equal, left, right) }

    /// Whether each pair is not equal.
    public static func .!= (left: Tensor, right: Tensor) -> Tensor {
        compare(.notEqual, left, right)
    }

    /// Whether the left is less, for each pair.
    public static func .< (left: Tensor, right: Tensor) -> Tensor { compare(.less, left, right) }

    /// Whether the left is at most the right, for each pair.
    public static func .<= (left: Tensor, right: Tensor) -> Tensor {
        compare(.lessOrEqual, left, right)
    }

    /// Whether the left is greater, for each pair.
    public static func .> (left: Tensor, right: Tensor) -> Tensor { compare(.less, right, left) }

    /// Whether the left is at least the right, for each pair.
    public static func .>= (left: Tensor, right: Tensor) -> Tensor {
        compare(.lessOrEqual, right, left)
    }

    /// Whether each element equals a number.
    public static func .== (left: Tensor, right: Float) -> Tensor { left .== Tensor(right) }

    /// Whether each element differs from a number.
    public static func .!= (left: Tensor, right: Float) -> Tensor { left .!= Tensor(right) }

    /// Whether each element is less than a number.
    public static func .< (left: Tensor, right: Float) -> Tensor { left .< Tensor(right) }

    /// Whether each element is at most a number.
    public static func .<= (left: Tensor, right: Float) -> Tensor { left .<= Tensor(right) }

    /// Whether each element is greater than a number.
    public static func .> (left: Tensor, right: Float) -> Tensor { left .> Tensor(right) }

    /// Whether each element is at least a number.
    public static func .>= (left: Tensor, right: Float) -> Tensor { left .>= Tensor(right) }

    /// This tensor's elements where a mask is not 0, another's elsewhere.
    ///
    /// All three repeat as in arithmetic. What is not chosen has no effect, even NaN, and gets a
    /// gradient of 0.
    public func choosing(where mask: Tensor, else other: Tensor) -> Tensor {
        let mask = mask.stopGradient()
        return Self.combine(PairFunctions.Masked(), self, mask, keeps: .other)
            + Self.combine(PairFunctions.Masked(keepsWhereZero: true), other, mask, keeps: .other)
    }

    /// This tensor's elements where a mask is not 0, a number elsewhere.
    public func choosing(where mask: Tensor, else other: Float) -> Tensor {
        choosing(where: mask, else: Tensor(other))
    }

    private static func compare(
        _ kind: PairFunctions.Comparison.Kind, _ x: Tensor, _ y: Tensor
    ) -> Tensor {
        combine(
            PairFunctions.Comparison(kind), x.stopGradient(), y.stopGradient(), keeps: .nothing)
    }
}
