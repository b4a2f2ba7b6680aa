import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor

extension StoredOperation {
    static let networks: [String: Compute] = [
        "crossEntropy": { item in
            var targets = item.indices("targets")
            if let ignored = item.optionalNumber("ignored") {
                targets = IndexTensor(
                    shape: targets.shape,
                    elements: targets.elements.map { $0 == Int32(ignored) ? -1 : $0 })
            }
            return Loss.crossEntropy(
                item["logits"], targets, smoothing: item.number("smoothing"),
                reduction: item.text("reduction") == "none" ? .none : .mean)
        },
        "binaryCrossEntropy": { Loss.binaryCrossEntropy($0["logits"], $0["targets"]) },
        "focal": {
            Loss.focal(
                $0["logits"], $0["targets"], alpha: $0.number("alpha"), gamma: $0.number("gamma"))
        },
        "klDivergence": { Loss.klDivergence($0["logits"], reference: $0["reference"]) },
        "meanSquaredError": { Loss.meanSquaredError($0["x"], $0["target"]) },
        "huber": { Loss.huber($0["x"], $0["target"], delta: $0.number("delta")) },
        "contrastive": {
            Loss.contrastive($0["a"], $0["b"], temperature: $0.number("temperature"))
        },
        "layerNorm": {
            $0["x"].layerNorm(
                gain: $0.optional("weight"), bias: $0.optional("bias"),
                epsilon: $0.number("epsilon"))
        },
        "rmsNorm": { $0["x"].rmsNorm(gain: $0.optional("weight"), epsilon: $0.number("epsilon")) },
        "groupNorm": {
            $0["x"].groupNorm(
                groups: $0.integer("groups"), gain: $0.optional("weight"),
                bias: $0.optional("bias"), epsilon: $0.number("epsilon"))
        },
        "batchNormTraining": {
            $0["x"].batchNorm(gain: $0["weight"], bias: $0["bias"], epsilon: $0.number("epsilon"))
                .value
        },
        "batchNormInference": {
            $0["x"].batchNorm(
                gain: $0["weight"], bias: $0["bias"], mean: $0["mean"], variance: $0["variance"],
                epsilon: $0.number("epsilon"))
        },
        "attention": { attention($0, isGeneral: false) },
        "ropeHalfSplit": { rope($0, isInterleaved: false) },
        "ropeInterleaved": { rope($0, isInterleaved: true) },
        "linear": { item in
            LinearProduct().value(item["x"], item["weight"]) + item["bias"]
        },
    ]

    /// Attention by the fused operation, or by the general core.
    static func attention(_ item: StoredOperation, isGeneral: Bool) -> Tensor? {
        var options = AttentionOptions()
        options.isCausal = item.flag("causal")
        options.scale = item.optionalNumber("scale")
        options.window = item.optionalNumber("window").map { Int($0) }
        // The fixture has heads before places.
        return options(
            queries: item["query"].swappingAxes(1, 2), keys: item["key"].swappingAxes(1, 2),
            values: item["value"].swappingAxes(1, 2), mask: item.optional("mask"),
            weights: isGeneral ? { $0 } : nil
        ).swappingAxes(1, 2)
    }

    private static func rope(_ item: StoredOperation, isInterleaved: Bool) -> Tensor? {
        let x = item["x"]
        let (places, width) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
        let start = item.integer("start")
        let angles = RopeSpec(dimensions: width, theta: Double(item.number("theta")))
            .angles(of: start..<start + places)
        let heads = x.reshaped([-1, 1, places, width]).swappingAxes(1, 2)
        return heads.rotated(by: angles, isInterleaved: isInterleaved).swappingAxes(1, 2)
            .reshaped(x.shape)
    }

    static let images: [String: Compute] = [
        "conv1d": { item in
            let padding = item.pairs("padding")[0]
            return item["x"].convolved1D(
                item["weight"], bias: item.optional("bias"), stride: item.list("stride")[0],
                padding: (padding[0], padding[1]), dilation: item.list("dilation")[0],
                groups: item.integer("groups"))
        },
        "conv2d": { item in
            item["x"].convolved2D(
                item["weight"], bias: item.optional("bias"), stride: item.pair("stride"),
                padding: item.borders, mode: item.padding, dilation: item.pair("dilation"),
                groups: item.integer("groups"))
        },
        "conv1dTransposed": { item in
            let padding = item.list("padding")[0]
            return item["x"].transposedConvolved1D(
                item["weight"], bias: item.optional("bias"), stride: item.list("stride")[0],
                padding: (padding, padding), outputPadding: item.list("outputPadding")[0],
                dilation: item.list("dilation")[0], groups: item.integer("groups"))
        },
        "conv2dTransposed": { item in
            item["x"].transposedConvolved2D(
                item["weight"], bias: item.optional("bias"), stride: item.pair("stride"),
                padding: item.evenBorders, outputPadding: item.pair("outputPadding"),
                dilation: item.pair("dilation"), groups: item.integer("groups"))
        },
        "maxPool1d": { item in
            let padding = item.list("padding")[0]
            return item["x"].maxPooled1D(
                item.list("kernel")[0], stride: item.list("stride")[0],
                padding: (padding, padding))
        },
        "maxPool2d": { item in
            guard !item.flag("ceil"), item.list("dilation") == [1, 1] else { return nil }
            return item["x"].maxPooled2D(
                item.pair("kernel"), stride: item.pair("stride"), padding: item.evenBorders)
        },
        "averagePool2d": { item in
            guard !item.flag("ceil") else { return nil }
            return item["x"].averagePooled2D(
                item.pair("kernel"), stride: item.pair("stride"), padding: item.evenBorders,
                countsPadding: item.flag("countsPadding"))
        },
        "adaptiveAveragePool2d": { $0["x"].adaptiveAveragePooled2D(to: $0.pair("size")) },
        "resize": { item in
            let modes: [String: ResizeMode] = ["bilinear": .bilinear, "bicubic": .bicubic]
            guard let mode = modes[item.text("method")] else { return nil }
            return item["x"].resized2D(
                rows: item.list("size")[0], columns: item.list("size")[1], mode: mode,
                alignsCorners: item.flag("alignsCorners"))
        },
    ]

    private func pair(_ key: String) -> AxisPair {
        let list = list(key)
        return AxisPair(list[0], list[1])
    }

    /// The same padding at both ends of each axis.
    private var evenBorders: ImagePadding {
        let list = list("padding")
        return ImagePadding(vertical: list[0], horizontal: list[1])
    }

    private var borders: ImagePadding {
        let pairs = pairs("padding")
        return ImagePadding(
            top: pairs[0][0], bottom: pairs[0][1], left: pairs[1][0], right: pairs[1][1])
    }
}
