import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

extension BlockStack {
    /// Writes the stack as one safetensors file, which appears under its name when it is whole.
    ///
    /// Each block is a tensor of bytes, its parts one after another, with a name by which blocks
    /// lie in the file in the order of loading: a prefix of the stack is the beginning of the
    /// file's data. The metadata `halftone.stack` holds shapes and forms, order and totals.
    ///
    /// - Throws: As `SafetensorsWriter.write(to:progress:)`.
    public func write(to path: String) throws {
        var matrices: [JSONValue] = []
        for member in members {
            var forms: [JSONValue] = []
            for block in member.blocks { forms.append(try block.form.json()) }
            matrices.append([
                "name": .string(member.name), "rows": .integer(member.blocks[0].rows),
                "columns": .integer(member.blocks[0].columns), "blocks": .array(forms),
            ])
        }
        let index: JSONValue = [
            "matrices": .array(matrices), "order": .array(order.map { .integer($0) }),
            "totals": .array(runningTotals.map { .integer($0) }),
        ]
        var writer = SafetensorsWriter(metadata: [(Self.key, index.serialized())])
        for (place, block) in sequence.enumerated() {
            let block = members[block.member].blocks[block.number]
            try writer.add(
                TensorSource(
                    name: Self.name(place), shape: [block.byteCount], encoding: .elements(.uint8)
                ) { sink in
                    for part in block.parts { try sink.write(part.bytes) }
                })
        }
        try writer.write(to: path)
    }

    /// Maps a file and takes as much of it as a budget has room for; the rest is never read.
    ///
    /// - Parameters:
    ///   - path: A file that ``write(to:)`` wrote.
    ///   - budgetInBytes: For blocks alone; nil for all of them.
    /// - Throws: ``BlockStackError``, or the error of the file.
    public init(contentsOf path: String, within budgetInBytes: Int? = nil) throws {
        let file = try SafetensorsFile(contentsOf: path)
        func bad(_ problem: String) -> BlockStackError { .badFile(path: path, problem) }
        guard let text = file.metadata[Self.key]?.string else { throw bad("no \(Self.key)") }
        let index = try JSONParser.parse(text)
        let order = (index["order"]?.array ?? []).map { $0.integer ?? -1 }
        var shapes: [(name: String, rows: Int, columns: Int, forms: [MatrixForm])] = []
        for one in index["matrices"]?.array ?? [] {
            guard let name = one["name"]?.string, let rows = one["rows"]?.integer,
                let columns = one["columns"]?.integer
            else { throw bad("a matrix without name or shape") }
            var forms: [MatrixForm] = []
            for form in one["blocks"]?.array ?? [] { forms.append(try MatrixForm(json: form)) }
            shapes.append((name, rows, columns, forms))
        }
        var blocks = shapes.map { _ in [StoredMatrix]() }
        for (place, member) in (Array(shapes.indices) + order).enumerated() {
            guard shapes.indices.contains(member) else { throw bad("a block of no matrix") }
            let shape = shapes[member]
            guard blocks[member].count < shape.forms.count,
                let bytes = file.tensor(named: Self.name(place))?.bytes
            else { throw bad("block \(place) is missing") }
            var offset = 0
            let block = try StoredMatrix(
                form: shape.forms[blocks[member].count], rows: shape.rows, columns: shape.columns
            ) { layout in
                guard layout.byteCount <= bytes.count - offset else { return nil }
                defer { offset += layout.byteCount }
                return bytes[offset..<offset + layout.byteCount]
            }
            guard offset == bytes.count else { throw bad("block \(place) has another size") }
            blocks[member].append(block)
        }
        let whole = try BlockStack(
            zip(shapes, blocks).map { Member($0.name, blocks: $1) }, order: order)
        guard (index["totals"]?.array ?? []).map(\.integer) == whole.runningTotals else {
            throw bad("the totals are not those of the blocks")
        }
        self = whole.prefix(try budgetInBytes.map(whole.count(within:)) ?? order.count)
    }

    /// All blocks in the order of loading, the first of each member before all others.
    private var sequence: [(member: Int, number: Int)] {
        var counts = [Int](repeating: 0, count: members.count)
        return (Array(members.indices) + order).map { member in
            defer { counts[member] += 1 }
            return (member, counts[member])
        }
    }

    private static let key = "halftone.stack"

    private static func name(_ place: Int) -> String {
        let digits = String(place)
        return "block." + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
