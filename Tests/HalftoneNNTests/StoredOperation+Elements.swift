import HalftoneKernels
import HalftoneTensor

extension StoredOperation {
    /// Operations of the fixture that the package has no single form of, or that are held to
    /// their definitions in Double elsewhere.
    static let withoutCounterpart: Set<String> = [
        "exponentialMinusOne", "logarithmOnePlus", "relu6", "elu", "mish", "hardSigmoid",
        "hardSwish", "arcTangent2", "norm", "product", "cumulativeLogSumExp", "singularValues",
        "lowRank", "symmetricEigenvalues", "solveTriangular", "logDeterminant", "fourier",
        "realFourier", "inverseRealFourier", "realFourier2d", "gridSample", "haar2d",
        "standardDeviation", "roll", "tile", "repeatElements", "lowerTriangle", "diagonal",
        "scatter",
    ]

    typealias Compute = @Sendable (StoredOperation) -> Tensor?

    static let all: [String: Compute] =
        elements.merging(pairs) { $1 }.merging(reductions) { $1 }.merging(shapes) { $1 }
        .merging(networks) { $1 }.merging(images) { $1 }

    private static let elements: [String: Compute] = [
        "exp": { $0["x"].exp() },
        "logarithm": { $0["x"].log() },
        "squareRoot": { $0["x"].squareRoot() },
        "reciprocalSquareRoot": { $0["x"].reciprocalSquareRoot() },
        "reciprocal": { 1 / $0["x"] },
        "squared": { $0["x"].squared() },
        "absolute": { $0["x"].abs() },
        "sine": { $0["x"].sin() },
        "cosine": { $0["x"].cos() },
        "hyperbolicTangent": { $0["x"].tanh() },
        "errorFunction": { $0["x"].erf() },
        "sigmoid": { $0["x"].sigmoid() },
        "relu": { $0["x"].relu() },
        "gelu": { $0["x"].gelu() },
        "geluTanh": { $0["x"].gelu(.tanh) },
        "silu": { $0["x"].silu() },
        "softplus": { $0["x"].softplus() },
        "leakyRelu": { $0["x"].leakyReLU(slope: $0.number("slope")) },
        "clamp": { $0["x"].clamped(to: $0.number("lower")...$0.number("upper")) },
        "powerOfScalar": { $0["x"].power($0.number("exponent")) },
    ]

    private static let pairs: [String: Compute] = [
        "add": { $0["a"] + $0["b"] },
        "subtract": { $0["a"] - $0["b"] },
        "multiply": { $0["a"] * $0["b"] },
        "divide": { $0["a"] / $0["b"] },
        "power": { $0["a"].power($0["b"]) },
        "maximum": { .maximum($0["a"], $0["b"]) },
        "minimum": { .minimum($0["a"], $0["b"]) },
        "select": { item in
            let rows = item.pairs("condition")
            let mask = Tensor(
                shape: [rows.count, rows[0].count], elements: rows.joined().map { Float($0) })
            return item["a"].choosing(where: mask, else: item["b"])
        },
        "matmul": { $0["a"].matmul($0["b"]) },
        "solve": { try? $0["a"].solve($0["b"]) },
        "inverse": { try? $0["x"].inverse() },
        "cholesky": { try? $0["x"].cholesky() },
    ]

    private static let reductions: [String: Compute] = [
        "sum": { $0["x"].sum(axes: $0.optionalList("axes"), keepDimensions: $0.flag("keeps")) },
        "mean": { $0["x"].mean(axes: $0.optionalList("axes"), keepDimensions: $0.flag("keeps")) },
        "largest": { $0["x"].max(axes: $0.optionalList("axes"), keepDimensions: $0.flag("keeps")) },
        "smallest": {
            $0["x"].min(axes: $0.optionalList("axes"), keepDimensions: $0.flag("keeps"))
        },
        "variance": {
            $0["x"].variance(
                axes: $0.optionalList("axes"), correction: $0.integer("correction"),
                keepDimensions: $0.flag("keeps"))
        },
        "logSumExp": { item in
            guard let axes = item.optionalList("axes"), axes.count == 1 else { return nil }
            return item["x"].logSumExp(axis: axes[0], keepDimensions: item.flag("keeps"))
        },
        "softmax": { $0["x"].softmax(axis: $0.integer("axis")) },
        "logSoftmax": { $0["x"].logSoftmax(axis: $0.integer("axis")) },
        "cumulativeSum": { $0["x"].cumulativeSum(axis: $0.integer("axis")) },
        "cumulativeProduct": { $0["x"].cumulativeProduct(axis: $0.integer("axis")) },
        "cumulativeMaximum": { $0["x"].cumulativeMax(axis: $0.integer("axis")).values },
        "sort": {
            $0["x"].sorted(axis: $0.integer("axis"), descending: $0.flag("descending")).values
        },
        "topK": { $0["x"].top($0.integer("count"), axis: $0.integer("axis")).values },
    ]

    private static let shapes: [String: Compute] = [
        "permute": { $0["x"].transposed($0.list("order")) },
        "slice": { item in
            let ends = zip(item.list("ends"), item.list("steps"))
            let slices = zip(item.list("starts"), ends).map { start, rest in
                AxisSlice.from(start, to: rest.0, by: rest.1)
            }
            return item["x"].sliced(slices)
        },
        "concatenate": { .concatenate([$0["a"], $0["b"]], axis: $0.integer("axis")) },
        "stack": { .stack([$0["a"], $0["b"]], axis: $0.integer("axis")) },
        "flip": { item in item.list("axes").reduce(item["x"]) { $0.reversed(axis: $1) } },
        "pixelShuffle": { $0["x"].pixelShuffled($0.integer("factor")) },
        "embedding": { $0["table"].embedding($0.indices("ids")) },
        "gather": { $0["x"].gathering($0.indices("index"), axis: $0.integer("axis")) },
        "indexSelect": { $0["x"].selecting($0.indices("index"), axis: $0.integer("axis")) },
        "scatterAdd": {
            $0["x"].scatterAdding(
                $0["source"], at: $0.indices("index"), axis: $0.integer("axis"))
        },
        "segmentSum": { item in
            var shape = item["x"].shape
            shape[0] = item.integer("count")
            return Tensor.zeros(shape).scatterAddingSlices(item["x"], at: item.indices("index"))
        },
        "pad": { item in
            let amounts = item.pairs("padding").map { (before: $0[0], after: $0[1]) }
            return item["x"].padded(amounts, item.padding)
        },
    ]

    /// How what lies beyond the ends is made up.
    var padding: Padding {
        switch text("mode") {
        case "reflect": .reflect
        case "replicate": .replicate
        case "circular": .circular
        default: .constant(0)
        }
    }
}
