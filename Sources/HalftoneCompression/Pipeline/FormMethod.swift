import HalftoneMethods
import HalftoneQuantization

/// The part of a published method that stores matrices in a form of its own, by the id of its
/// record: what it finds without training, and for weights alone where it rounds activations too.
public struct FormMethod: Sendable {
    /// The id of the method's record.
    public let id: String

    /// Bits of a code that can be chosen, ascending; empty where the method has one width only.
    public let bits: [Int]

    /// About how many bits a weight has where they cannot be chosen.
    private let width: Int

    private let make: @Sendable (Int) -> any MatrixMethod

    init(
        _ id: String, bits: [Int] = [], width: Int = 0,
        _ make: @escaping @Sendable (Int) -> any MatrixMethod
    ) {
        self.id = id
        self.bits = bits
        self.width = width
        self.make = make
    }

    /// The method with the paper's settings, but for ranks of 4 and 8 where the papers have 16 and
    /// 64, which in matrices of some hundred columns would take more than the codes.
    ///
    /// - Parameter bits: Of a code; one of ``bits``, and of no effect where there is none.
    public func method(bits: Int) -> any MatrixMethod {
        precondition(
            self.bits.isEmpty || self.bits.contains(bits), "\(id) has no codes of \(bits) bits")
        return make(bits)
    }

    /// A form for embedding and head that is no coarser than the method's, and has at least 4 bits.
    public func embedding(bits: Int) -> String {
        (self.bits.isEmpty ? width : bits) > 4 ? "int8/64" : "int4/64"
    }

    /// All of them, in the order of their names.
    public static let all: [FormMethod] = [
        FormMethod("baq", bits: Array(1...8)) { BAQ(bits: Double($0)) },
        FormMethod("bitstack", bits: Array(1...8)) { BitStack(blocks: 2 * $0, rank: 4) },
        FormMethod("db-llm", width: 2) { _ in DBLLM() },
        FormMethod("llm-fp4", width: 4) { _ in LLMFP4() },
        FormMethod("llm-int8", width: 8) { _ in LLMInt8() },
        FormMethod("lq-lora", bits: LQLoRA.Configuration.widths) {
            LQLoRA(rank: 8, base: LQLoRA.Configuration(bits: $0).form)
        },
        FormMethod("ptq1-61", width: 2) { _ in PTQ161() },
        FormMethod("zeroquant-fp6", width: 6) { _ in ZeroQuantFP6() },
    ]

    /// The method with an id, or nil.
    public static func named(_ id: String) -> FormMethod? { all.first { $0.id == id } }

    /// The ids of all, for a sentence.
    public static var names: String { all.map(\.id).joined(separator: ", ") }
}
