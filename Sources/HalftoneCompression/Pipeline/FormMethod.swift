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

    private let make: @Sendable (Int) -> any MatrixMethod

    init(
        _ id: String, bits: [Int], _ make: @escaping @Sendable (Int) -> any MatrixMethod
    ) {
        self.id = id
        self.bits = bits
        self.make = make
    }

    /// The method with the paper's settings, but for ranks of 4 and 8 where the papers have 16 and
    /// 64, which in matrices of some hundred columns would take more than the codes.
    ///
    /// - Parameter bits: Of a code; one of ``bits``.
    public func method(bits: Int) -> any MatrixMethod {
        precondition(self.bits.contains(bits), "\(id) has no codes of \(bits) bits")
        return make(bits)
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
    public var inputDetail: InputStatistics.Detail { make(bits[0]).inputDetail }

    /// A form for embedding and head that is no coarser than the method's, and has at least 4 bits.
    public func embedding(bits: Int) -> String {
        bits > 4 ? "int8/64" : "int4/64"
    }

    /// All of them, in the order of their names.
    public static let all: [FormMethod] = [
        FormMethod("baq", bits: Array(1...8)) { BAQ(bits: Double($0)) },
        FormMethod("bitstack", bits: Array(1...8)) { BitStack(blocks: 2 * $0, rank: 4) },
        FormMethod("db-llm", bits: [2]) { _ in DBLLM() },
        FormMethod("hqq", bits: Array(1...8)) { HQQ(bits: $0) },
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
