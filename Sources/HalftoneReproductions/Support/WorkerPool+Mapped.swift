import HalftoneKernels
import Synchronization

extension WorkerPool {
    /// What a closure makes of each element, computed on all threads.
    func mapped<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ body: (Element) throws -> Result
    ) throws -> [Result] {
        let results = Mutex(
            [Swift.Result<Result, any Error>?](repeating: nil, count: elements.count))
        split(elements.count, grain: 1) { range in
            for index in range {
                let result = Swift.Result { try body(elements[index]) }
                results.withLock { $0[index] = result }
            }
        }
        return try results.withLock { $0 }.compactMap { try $0?.get() }
    }
}
