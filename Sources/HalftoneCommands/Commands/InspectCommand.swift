import ArgumentParser
import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneKernels
import HalftoneModels

/// `halftone inspect`: what a model is and where its bytes are.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a model's architecture, where its bytes are, and what they are worth.",
        discussion: """
            --worth measures what the model loses when a part of it is stored in few bits and the \
            rest stays float: by matrix, by layer, by groups of output channels or input columns, \
            or by bit planes of codes. --save keeps it for compress --bits 2.75 --worth FILE.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Flag(help: "List every tensor.")
    var tensors = false

    @OptionGroup var worth: WorthOptions

    @OptionGroup var shared: SharedOptions

    func run() throws {
        let loaded = try ModelArgument.load(model, shared)
        if worth.worth {
            return try WorthJob(options: worth, shared: shared, name: model).run(loaded)
        }
        let report = InspectReport(loaded, listsTensors: tensors)
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }
}

/// What `inspect` shows.
struct InspectReport: Encodable {
    struct Share: Encodable {
        let name: String
        let tensors: Int
        let bytes: Int
        let bitsPerWeight: Double
    }

    struct Tensor: Encodable {
        let name: String
        let format: String
        let shape: [Int]
        let bytes: Int
    }

    let architecture: String
    let parameters: Int
    let layers: Int
    let width: Int
    let heads: Int
    let keyHeads: Int
    let headDim: Int
    let hiddenWidth: Int
    let vocabulary: Int
    let context: Int
    let hasTiedHead: Bool
    let packing: String?
    let packingNotes: [String]
    let hasTokenizer: Bool
    let hasChatTemplate: Bool
    let bytes: Int
    let bitsPerWeight: Double
    let formats: [Share]
    let parts: [Share]
    let tensors: [Tensor]?

    init(_ model: LanguageModel, listsTensors: Bool) {
        let spec = model.spec
        let list = spec.slots.map { slot in
            let weights = model.weights
            if slot.shape.count == 2 {
                let matrix = weights.matrix(slot.role)
                return Tensor(
                    name: "\(slot.role)", format: matrix.formatName, shape: slot.shape,
                    bytes: matrix.byteCount)
            }
            return Tensor(
                name: "\(slot.role)", format: "F32", shape: slot.shape, bytes: slot.shape[0] * 4)
        }
        let groups = spec.slots.map { Self.part(of: $0.role) }
        architecture = spec.architecture
        parameters = model.weights.parameterCount
        layers = spec.blocks.count
        width = spec.width
        heads = spec.blocks.first?.attention.heads ?? 0
        keyHeads = spec.blocks.first?.attention.keyHeads ?? 0
        headDim = spec.blocks.first?.attention.headDim ?? 0
        hiddenWidth = spec.blocks.first?.mlp.hiddenWidth ?? 0
        vocabulary = spec.vocabularySize
        context = spec.contextLength
        hasTiedHead = spec.isHeadTied
        packing = model.packing.map { _ in "halftone" } ?? model.foreignLayout?.summary
        packingNotes = model.foreignLayout?.notes ?? []
        hasTokenizer = model.tokenizer != nil
        hasChatTemplate = model.chatTemplate != nil
        bytes = list.reduce(0) { $0 + $1.bytes }
        bitsPerWeight = Double(8 * bytes) / Double(max(parameters, 1))
        formats = Self.shares(list, by: list.map(\.format))
        parts = Self.shares(list, by: groups)
        tensors = listsTensors ? list : nil
    }

    private static func part(of role: Role) -> String {
        switch role.part {
        case .embedding: "embedding"
        case .positions: "positions"
        case .query, .key, .value, .qkv, .attentionOutput: "attention"
        case .gate, .up, .gateUp, .down: "perceptrons"
        case .head: "head"
        default: "norms"
        }
    }

    private static func shares(_ tensors: [Tensor], by keys: [String]) -> [Share] {
        var order: [String] = []
        var members: [String: [Tensor]] = [:]
        for (tensor, key) in zip(tensors, keys) {
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(tensor)
        }
        return order.map { key in
            let list = members[key] ?? []
            let bytes = list.reduce(0) { $0 + $1.bytes }
            let weights = list.reduce(0) { $0 + $1.shape.reduce(1, *) }
            return Share(
                name: key, tensors: list.count, bytes: bytes,
                bitsPerWeight: Double(8 * bytes) / Double(max(weights, 1)))
        }.sorted { $0.bytes > $1.bytes }
    }

    var text: String {
        var lines = [
            "architecture   \(architecture), \(layers) layers of width \(width)",
            "attention      \(heads) heads of \(headDim), \(keyHeads) for keys and values",
            "perceptron     \(hiddenWidth) wide",
            "vocabulary     \(Formatting.grouped(vocabulary)), "
                + (hasTiedHead ? "head tied to the embedding" : "head of its own"),
            "context        \(Formatting.grouped(context)) tokens",
            "parameters     \(Formatting.grouped(parameters))",
            "bytes          \(Formatting.bytes(bytes)), "
                + "\(Formatting.decimal(bitsPerWeight, 2)) bits per parameter",
            packing.map { "packed as      \($0)" }
                ?? "packed as      no layout of packed weights",
            "text           " + (hasTokenizer ? "tokenizer" : "no tokenizer")
                + (hasChatTemplate ? ", chat template" : ", no chat template"),
            "",
        ]
        for note in packingNotes { lines += ["note           \(note)", ""] }
        lines.append(chart("where the bytes are", parts))
        lines.append("")
        lines.append(chart("in which formats", formats))
        if let tensors {
            var table = TextTable(["tensor", "format", "shape", "#bytes"])
            for tensor in tensors {
                table.add([
                    tensor.name, tensor.format,
                    tensor.shape.map(String.init).joined(separator: " × "),
                    Formatting.grouped(tensor.bytes),
                ])
            }
            lines += ["", table.text]
        }
        return lines.joined(separator: "\n")
    }

    private func chart(_ title: String, _ shares: [Share]) -> String {
        var table = TextTable([title, "#tensors", "#bytes", "#bits/weight", "#share", ""])
        let largest = Double(shares.map(\.bytes).max() ?? 1)
        for share in shares {
            table.add([
                share.name, "\(share.tensors)", Formatting.bytes(share.bytes),
                Formatting.decimal(share.bitsPerWeight, 2),
                Formatting.decimal(100 * Double(share.bytes) / Double(max(bytes, 1)), 1) + " %",
                Formatting.bar(Double(share.bytes) / max(largest, 1), width: 30),
            ])
        }
        return table.text
    }
}
