import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import Hummingbird

/// `/v1/embeddings`: the mean of the hidden states after the last normalization, of length 1.
struct EmbeddingRoute: Sendable {
    let service: ServerService

    func answer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await service.body(of: request)
        let model = try service.registry.model(named: body.string("model") ?? "")
        let inputs = try inputs(body, model)
        let isText: Bool
        switch try body.string("encoding_format") {
        case nil, "float": isText = false
        case "base64": isText = true
        default: throw body.error("encoding_format", "is to be float or base64")
        }
        let width = model.model.spec.width
        if let dimensions = try body.integer("dimensions", 1...Int(Int32.max)),
            dimensions != width
        {
            throw body.error("dimensions", "is \(width) for this model")
        }
        var list: [JSONValue] = []
        for (index, tokens) in inputs.enumerated() {
            try Task.checkCancellation()
            let vector = try await model.engine.perform(client: context.client) {
                decoder, workspace in
                let state = decoder.makeState(capacity: tokens.count, workspace: workspace)
                return try decoder.meanState(tokens, state)
            }
            list.append([
                "object": "embedding", "index": .integer(index),
                "embedding": isText
                    ? .string(Self.base64(vector))
                    : .array(
                        vector.map { .number(Double($0)) }),
            ])
        }
        let count = inputs.reduce(0) { $0 + $1.count }
        return .json([
            "object": "list", "data": .array(list),
            "model": .string(try body.string("model") ?? model.name),
            "usage": ["prompt_tokens": .integer(count), "total_tokens": .integer(count)],
        ])
    }

    private func inputs(
        _ body: RequestReader, _ model: ServedModel
    ) throws(APIError) -> [[Int32]] {
        let values: [JSONValue]
        switch body.value("input") {
        case .string(let text): values = [.string(text)]
        case .array(let list):
            if case .integer = list.first { values = [.array(list)] } else { values = list }
        default: throw body.error("input", "is to be a text, tokens, or a list of those")
        }
        guard !values.isEmpty, values.count <= Self.mostInputs else {
            throw body.error("input", "holds 1 to \(Self.mostInputs) texts")
        }
        let limit = model.engine.limits.contextLength
        var inputs: [[Int32]] = []
        for value in values {
            let tokens = try service.tokens(of: value, model, body, "input")
            guard !tokens.isEmpty else { throw body.error("input", "holds an empty text") }
            guard tokens.count <= limit else {
                throw APIError.invalid(
                    "a text has \(tokens.count) tokens; the model takes \(limit)", "input",
                    code: "context_length_exceeded")
            }
            inputs.append(tokens)
        }
        return inputs
    }

    private static let mostInputs = 256

    /// Little-endian floats, as OpenAI's clients ask for them.
    private static func base64(_ vector: [Float]) -> String {
        var bytes = Data(capacity: vector.count * 4)
        for value in vector {
            let bits = value.bitPattern
            for shift in [0, 8, 16, 24] as [UInt32] {
                bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
        }
        return bytes.base64EncodedString()
    }
}

extension Decoder {
    /// The mean of the hidden states of some tokens, scaled to length 1.
    func meanState(_ tokens: [Int32], _ state: DecoderState) throws -> [Float] {
        var sum = [Double](repeating: 0, count: spec.width)
        try read(tokens, state: state) { hidden, count in
            for row in 0..<count {
                for channel in 0..<spec.width {
                    sum[channel] += Double(hidden[row * spec.width + channel])
                }
            }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return sum.map { Float(length > 0 ? $0 / length : 0) }
    }
}
