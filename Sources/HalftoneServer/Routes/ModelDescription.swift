import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneServing
import HTTPTypes

/// What is told of a model.
struct ModelDescription: Sendable {
    let entry: ModelRegistry.Entry
    let model: ServedModel

    /// An element of `/v1/models`.
    var listed: JSONValue {
        [
            "id": .string(entry.name), "object": "model", "created": .integer(Self.started),
            "owned_by": "halftone", "halftone": .object(summary),
        ]
    }

    /// When this process began to serve.
    static let started = Int(Date().timeIntervalSince1970)

    private var summary: JSONObject {
        let weights = model.model.weights
        return [
            "parameters": .integer(weights.parameterCount), "bytes": .integer(weights.byteCount),
            "bits_per_weight": .number(
                8 * Double(weights.byteCount) / Double(max(weights.parameterCount, 1))),
            "context_length": .integer(model.engine.limits.contextLength),
            "chat": .bool(model.conversation != nil),
            "variants": .array(
                entry.variants.map { variant in
                    [
                        "name": .string(variant.name),
                        "bytes": Self.bytes(at: variant.path).map { .integer($0) } ?? .null,
                        "active": .bool(variant.name == model.name),
                    ]
                }),
        ]
    }

    /// Everything about the model.
    func full() -> JSONValue {
        var object: JSONObject = ["id": .string(entry.name)]
        for member in summary.members { object[member.name] = member.value }
        let spec = model.model.spec
        object["architecture"] = .string(spec.architecture)
        object["layers"] = .integer(spec.blocks.count)
        let matrices = matrices
        var kinds: [(kind: String, bytes: Int)] = []
        for matrix in matrices {
            if let index = kinds.firstIndex(where: { $0.kind == matrix.kind }) {
                kinds[index].bytes += matrix.bytes
            } else {
                kinds.append((matrix.kind, matrix.bytes))
            }
        }
        object["bytes_by_kind"] = .array(
            kinds.map { ["kind": .string($0.kind), "bytes": .integer($0.bytes)] })
        let note = CompressionNote(of: model.model)
        object["matrices"] = .array(
            matrices.filter { $0.columns > 0 }.map {
                $0.json(damage: note?.damage["\($0.role)"])
            })
        object["frontier"] = .array(
            (note?.candidates ?? []).map { candidate in
                [
                    "name": .string(candidate.name), "bytes": .integer(candidate.bytes),
                    "bits_per_weight": .number(candidate.bitsPerWeight),
                    "divergence": .number(candidate.divergence),
                    "chosen": .bool(candidate.isChosen),
                ]
            })
        return .object(object)
    }

    /// A parameter as it is stored.
    struct Matrix {
        let role: Role
        let rows: Int
        /// 0 for vectors.
        let columns: Int
        let form: String
        let bytes: Int

        var kind: String {
            switch role.part {
            case .embedding, .positions: "embedding"
            case .query, .key, .value, .qkv, .attentionOutput: "attention"
            case .gate, .up, .gateUp, .down: "feed-forward"
            case .head: "head"
            default: "norms"
            }
        }

        func json(damage: Double?) -> JSONValue {
            [
                "name": .string("\(role)"), "layer": role.block.map { .integer($0) } ?? .null,
                "role": .string(Self.title(of: role.part)), "rows": .integer(rows),
                "columns": .integer(columns), "form": .string(form),
                "bits_per_weight": .number(8 * Double(bytes) / Double(max(rows * columns, 1))),
                "bytes": .integer(bytes), "damage": damage.map { .number($0) } ?? .null,
            ]
        }

        private static func title(of part: Role.Part) -> String {
            switch part {
            case .qkv: "query, key, value"
            case .attentionOutput: "attention output"
            case .gateUp: "gate, up"
            default: part.rawValue
            }
        }
    }

    private var matrices: [Matrix] {
        let weights = model.model.weights
        return weights.spec.slots.map { slot in
            guard slot.shape.count == 2 else {
                let count = slot.shape.reduce(1, *)
                return Matrix(
                    role: slot.role, rows: count, columns: 0, form: "F32", bytes: 4 * count)
            }
            let matrix = weights.matrix(slot.role)
            return Matrix(
                role: slot.role, rows: slot.shape[0], columns: slot.shape[1],
                form: matrix.formatName, bytes: matrix.byteCount)
        }
    }

    /// How the values of a matrix are distributed.
    ///
    /// - Complexity: O(elements); at most ``mostRows`` rows are looked at, evenly spread.
    func distribution(of name: String) throws(APIError) -> JSONValue {
        let weights = model.model.weights
        guard
            let slot = weights.spec.slots.first(where: {
                "\($0.role)" == name && $0.shape.count == 2
            })
        else {
            throw APIError(
                status: .notFound, message: "there is no matrix \(name)", code: "no_such_matrix")
        }
        let matrix = weights.matrix(slot.role)
        let step = max(1, matrix.rows / Self.mostRows)
        let rows = Array(stride(from: 0, to: matrix.rows, by: step))
        let buffer = FloatBuffer(count: matrix.columns)
        var (least, most) = (Float.infinity, -Float.infinity)
        var (squares, zeros) = (0.0, 0)
        var values: [Float] = []
        values.reserveCapacity(rows.count * matrix.columns)
        for row in rows {
            buffer.decode(row: row, of: matrix, at: 0)
            for column in 0..<matrix.columns {
                let value = buffer[column]
                least = min(least, value)
                most = max(most, value)
                squares += Double(value) * Double(value)
                if value == 0 { zeros += 1 }
                values.append(value)
            }
        }
        var counts = [Int](repeating: 0, count: Self.bins)
        let width = (most - least) / Float(Self.bins)
        for value in values {
            let bin = width > 0 ? Int((value - least) / width) : 0
            counts[min(max(bin, 0), Self.bins - 1)] += 1
        }
        let count = Double(max(values.count, 1))
        return [
            "name": .string(name), "least": .number(Double(least)), "most": .number(Double(most)),
            "counts": .array(counts.map { .integer($0) }), "zeros": .number(Double(zeros) / count),
            "rms": .number((squares / count).squareRoot()),
        ]
    }

    private static let bins = 64
    private static let mostRows = 1024

    /// Bytes of a file, or of the weights of a folder.
    private static func bytes(at path: String) -> Int? {
        let manager = FileManager.default
        let files =
            (try? manager.contentsOfDirectory(atPath: path))?.filter {
                $0.hasSuffix(".safetensors")
            }.map { path + "/" + $0 } ?? [path]
        let sizes = files.compactMap {
            (try? manager.attributesOfItem(atPath: $0)[.size] as? NSNumber)?.intValue
        }
        return sizes.isEmpty ? nil : sizes.reduce(0, +)
    }
}
