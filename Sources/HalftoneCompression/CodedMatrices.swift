import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import Synchronization

/// The codes of a model's matrices as an entropy coder leaves them, each coded when it is first asked for.
final class CodedMatrices: Sendable {
    private let known: Mutex<[Role: Bytes]>

    /// Keeps what is known.
    init(_ known: [Role: Bytes] = [:]) { self.known = Mutex(known) }

    /// Those of all matrices: one matrix to a thread, the largest first; all threads code a single one.
    ///
    /// - Parameter tensors: The same at each call.
    func bytes(of tensors: [Role: QuantizedTensor]) -> [Role: Bytes] {
        let done = known.withLock { $0 }
        let missing = tensors.filter { done[$0.key] == nil }
            .sorted { $0.value.weightCount > $1.value.weightCount }
        func code(_ place: Int, on pool: WorkerPool) {
            let (role, tensor) = missing[place]
            let bytes = tensor.codedBytes(on: pool)
            known.withLock { $0[role] = bytes }
        }
        if missing.count == 1 {
            code(0, on: .current)
        } else {
            let alone = WorkerPool(threads: 1)
            WorkerPool.current.run(parts: missing.count) { code($0, on: alone) }
        }
        return known.withLock { $0 }
    }

    /// The same of a model that has other codes in some matrices.
    func replacing(_ roles: some Sequence<Role>) -> CodedMatrices {
        var left = known.withLock { $0 }
        for role in roles { left[role] = nil }
        return CodedMatrices(left)
    }
}
