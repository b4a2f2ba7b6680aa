import HalftoneMethods
import HalftoneQuantization

/// The part of a published method that stores matrices in a form of its own, by the id of its
/// record, if it has one: what it finds without training, and for weights alone where it rounds activations too.
public struct FormMethod: Sendable {
    /// The id of the method's record.
    public let id: String

    /// Bits of a code that can be chosen, ascending; about how many a weight has, alone, where they
    /// cannot.
    public let bits: [Int]

    /// Columns that share a scale unless others are asked for; nil where there is no choice.
    public let groupSize: Int?

    private let make: @Sendable (_ bits: Int, _ groupSize: Int) -> any MatrixMethod

    init(
        _ id: String, bits: [Int], _ make: @escaping @Sendable (Int) -> any MatrixMethod
    ) {
        self.id = id
        self.bits = bits
        groupSize = nil
        self.make = { bits, _ in make(bits) }
    }

    init(
        _ id: String, bits: [Int], groupSize: Int,
        _ make: @escaping @Sendable (_ bits: Int, _ groupSize: Int) -> any MatrixMethod
    ) {
        self.id = id
        self.bits = bits
        self.groupSize = groupSize
        self.make = make
    }

    /// The method with the paper's settings, but for ranks of 4 and 8 where the papers have 16 and
    /// 64, which in matrices of some hundred columns would take more than the codes, and for scales
    /// by group where BAQ has a range for each row.
    ///
    /// - Parameters:
    ///   - bits: Of a code; one of ``bits``.
    ///   - groupSize: Columns that share a scale, where the method has them; nil for its own.
    public func method(bits: Int, groupSize: Int? = nil) -> any MatrixMethod {
        precondition(self.bits.contains(bits), "\(id) has no codes of \(bits) bits")
        return make(bits, groupSize ?? self.groupSize ?? 1)
    }

    /// Whether there is nothing to choose.
    public var hasOneWidth: Bool { bits.count == 1 }

    /// The width to store matrices at.
    ///
    /// - Parameter asked: What was asked for, or nil.
    /// - Throws: ``CompressionError/noSuchWidth(method:widths:)`` for what the method does not have,
    ///   for nothing where there is a choice, and for anything where there is none.
    public func width(_ asked: Int?) throws(CompressionError) -> Int {
        if hasOneWidth, asked == nil { return bits[0] }
        guard !hasOneWidth, let asked, bits.contains(asked) else {
            throw .noSuchWidth(method: id, widths: bits)
        }
        return asked
    }

    /// What the method wants to know of a layer's inputs, at any width.
    public var inputDetail: InputStatistics.Detail { method(bits: bits[0]).inputDetail }

    /// A form for embedding and head that is no coarser than the method's, and has at least 4 bits.
    public func embedding(bits: Int) -> String {
        bits > 4 ? "int8/64" : "int4/64"
    }

    /// All of them, in the order of their names.
    public static let all: [FormMethod] = [
        FormMethod("baq", bits: Array(1...8), groupSize: 128) { bits, group in
            BAQ(bits: Double(bits), groupSize: group)
        },
        FormMethod("bitstack", bits: Array(1...8)) { BitStack(blocks: 2 * $0, rank: 4) },
        FormMethod("db-llm", bits: [2]) { _ in DBLLM() },
        FormMethod("hqq", bits: Array(1...8), groupSize: 64) { bits, group in
            HQQ(bits: bits, groupSize: group)
        },
        FormMethod("llm-fp4", bits: [4]) { _ in LLMFP4() },
        FormMethod("llm-int8", bits: [8]) { _ in LLMInt8() },
        FormMethod("lq-lora", bits: LQLoRA.Configuration.widths) {
            LQLoRA(rank: 8, base: LQLoRA.Configuration(bits: $0).form)
        },
        FormMethod("ptq1-61", bits: [2]) { _ in PTQ161() },
        FormMethod("zeroquant-fp6", bits: [6]) { _ in ZeroQuantFP6() },
    ]

    /// The method with an id, or nil.
    public static func named(_ id: String) -> FormMethod? { all.first { $0.id == id } }

    /// The ids of all, for a sentence.
    public static var names: String { all.map(\.id).joined(separator: ", ") }
}

extension FormMethod: Hashable {
    /// Methods are told apart by their ids.
    public static func == (one: Self, other: Self) -> Bool { one.id == other.id }

    /// Hashes the id.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
