import HalftoneMethods
import HalftoneQuantization

/// A published method that stores matrices in a form of its own, by the name of its record.
public struct FormMethod: Sendable {
    /// The id of the method's record.
    public let id: String

    /// Bits of a code where the method leaves the choice; nil where it has one width only.
    public let bits: ClosedRange<Int>?

    private let make: @Sendable (Int) -> any MatrixMethod

    init(
        _ id: String, bits: ClosedRange<Int>? = nil,
        _ make: @escaping @Sendable (Int) -> any MatrixMethod
    ) {
        self.id = id
        self.bits = bits
        self.make = make
    }

    /// The method with the paper's settings.
    ///
    /// - Parameter bits: Of a code; within ``bits``, and of no effect where that is nil.
    public func method(bits: Int) -> any MatrixMethod {
        precondition(self.bits?.contains(bits) ?? true, "\(id) has no codes of \(bits) bits")
        return make(bits)
    }

    /// All of them, in the order of their names.
    public static let all: [FormMethod] = [
        FormMethod("baq", bits: 1...8) { BAQ(bits: Double($0)) },
        FormMethod("bitstack", bits: 1...8) { BitStack(blocks: 2 * $0, rank: 4) },
        FormMethod("db-llm") { _ in DBLLM() },
        FormMethod("llm-fp4") { _ in LLMFP4() },
        FormMethod("llm-int8") { _ in LLMInt8() },
        FormMethod("lq-lora", bits: 2...8) {
            LQLoRA(rank: 8, base: LQLoRA.Configuration(bits: $0).form)
        },
        FormMethod("ptq1-61") { _ in PTQ161() },
        FormMethod("zeroquant-fp6") { _ in ZeroQuantFP6() },
    ]

    /// The method with an id, or nil.
    public static func named(_ id: String) -> FormMethod? { all.first { $0.id == id } }
}
