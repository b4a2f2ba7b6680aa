import Foundation
import HalftoneFiles

extension ConfigurationReader {
    /// The rotary positions of layers of one kind.
    ///
    /// Understands `rope_parameters`, flat or one object per kind of layer, and the older
    /// `rope_theta` with `rope_scaling`.
    ///
    /// - Parameters:
    ///   - dimensions: Dimensions of a head that turn.
    ///   - layerType: A key such as `full_attention` in a `rope_parameters` with one object per
    ///     kind; nil when there is but one kind.
    ///   - theta: The base where none is given.
    ///   - context: `max_position_embeddings`.
    func rope(
        dimensions: Int, layerType: String? = nil, theta: Double = 10_000, context: Int
    ) throws(ModelError) -> RopeSpec {
        guard dimensions > 0, dimensions % 2 == 0 else {
            throw .badConfiguration(
                key: "head_dim", found: "\(dimensions) rotary dimensions", wanted: "an even number")
        }
        var base = try positive("rope_theta", default: theta)
        var settings = try object("rope_scaling")
        if var parameters = try object("rope_parameters") {
            if let layerType, let own = try parameters.object(layerType) { parameters = own }
            base = try parameters.positive("rope_theta", default: base)
            settings = parameters
        }
        let scaling = try settings?.ropeScaling(dimensions: dimensions, parent: self, context)
        return RopeSpec(dimensions: dimensions, theta: base, scaling: scaling ?? .none)
    }

    private func ropeScaling(
        dimensions: Int, parent: ConfigurationReader, _ context: Int
    ) throws(ModelError) -> RopeSpec.Scaling {
        let legacy = try string("type", default: "default")
        let type = try string("rope_type", default: legacy)
        let original = try positive(
            "original_max_position_embeddings",
            default: parent.positive("original_max_position_embeddings", default: Double(context)))
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: try positive("factor"))
        case "llama3":
            return .llama3(
                factor: try positive("factor"),
                lowFrequencyFactor: try positive("low_freq_factor"),
                highFrequencyFactor: try positive("high_freq_factor"), originalContext: original)
        case "yarn":
            let factor = try positive("factor")
            return .yarn(
                factor: factor, originalContext: original,
                betaFast: try positive("beta_fast", default: 32),
                betaSlow: try positive("beta_slow", default: 1),
                attentionFactor: try positive(
                    "attention_factor", default: factor > 1 ? 0.1 * log(factor) + 1 : 1))
        case "longrope", "su":
            let factor = Double(context) / original
            return .divisors(
                short: try numbers("short_factor", count: dimensions / 2),
                long: try numbers("long_factor", count: dimensions / 2),
                originalContext: Int(original),
                attentionFactor: try positive(
                    "attention_factor",
                    default: factor > 1 ? (1 + log(factor) / log(original)).squareRoot() : 1))
        default:
            throw .unsupported(
                key: "rope_type", value: type,
                hint: "default, linear, llama3, yarn and longrope are")
        }
    }
}

extension GGUFModelMetadata {
    /// Rope settings of the file as members of a `config.json`.
    func addRope(to configuration: inout JSONObject, context: Int) throws(ModelError) {
        configuration["rope_theta"] = .number(try keys.positive("rope.freq_base", default: 10_000))
        if let ropeDivisors {
            let list = JSONValue.array(ropeDivisors.map { .number(Double($0)) })
            configuration["rope_scaling"] = [
                "rope_type": "longrope", "short_factor": list, "long_factor": list,
                "original_max_position_embeddings": .integer(context), "attention_factor": 1.0,
            ]
            return
        }
        switch try keys.string("rope.scaling.type", default: "none") {
        case "none": break
        case "linear":
            configuration["rope_scaling"] = [
                "rope_type": "linear", "factor": .number(try keys.positive("rope.scaling.factor")),
            ]
        case "yarn":
            configuration["rope_scaling"] = [
                "rope_type": "yarn", "factor": .number(try keys.positive("rope.scaling.factor")),
                "original_max_position_embeddings": .integer(
                    try keys.integer("rope.scaling.original_context_length", default: context)),
            ]
        case let other:
            throw .unsupported(
                key: "rope.scaling.type", value: other, hint: "none, linear and yarn are")
        }
    }
}
