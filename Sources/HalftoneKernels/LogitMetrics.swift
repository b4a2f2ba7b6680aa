import Foundation

/// Losses and divergences of many rows of logits at once, spread over a pool.
public enum LogitMetrics {
    /// The loss of each row's target, `log Σ e^z − z[target]` in nats.
    ///
    /// - Parameters:
    ///   - logits: `[targets.count, vocabularySize]`.
    ///   - targets: Within the vocabulary.
    public static func losses(
        _ logits: [Float], vocabularySize: Int, targets: [Int32], pool: WorkerPool
    ) -> [Double] {
        precondition(logits.count >= targets.count * vocabularySize)
        return unsafe each(targets.count, pool) { row in
            unsafe logits.withUnsafeBufferPointer { logits in
                let start = unsafe logits.baseAddress! + row * vocabularySize
                let total = unsafe FloatKernels.logSumExp(start, count: vocabularySize)
                return unsafe Double(total) - Double(start[Int(targets[row])])
            }
        }
    }

    /// Compares two rows of logits position by position.
    ///
    /// - Parameters:
    ///   - reference: `[rows, vocabularySize]`.
    ///   - candidate: Of the same shape.
    /// - Returns: KL(reference ‖ candidate) of each row in nats.
    public static func divergences(
        _ reference: [Float], _ candidate: [Float], rows: Int, vocabularySize: Int,
        pool: WorkerPool
    ) -> [Double] {
        precondition(reference.count >= rows * vocabularySize)
        precondition(candidate.count >= rows * vocabularySize)
        return unsafe each(rows, pool) { row in
            unsafe reference.withUnsafeBufferPointer { p in
                unsafe candidate.withUnsafeBufferPointer { q in
                    unsafe divergence(
                        p.baseAddress! + row * vocabularySize,
                        q.baseAddress! + row * vocabularySize, vocabularySize)
                }
            }
        }
    }

    /// The index of the largest logit of each row, the first of equals.
    public static func mostLikely(
        _ logits: [Float], rows: Int, vocabularySize: Int, pool: WorkerPool
    ) -> [Int32] {
        precondition(logits.count >= rows * vocabularySize)
        let found = unsafe each(rows, pool) { row in
            unsafe logits.withUnsafeBufferPointer { logits in
                let start = unsafe logits.baseAddress! + row * vocabularySize
                let best = unsafe FloatRun.maximum(start, count: vocabularySize)
                var index = 0
                while index < vocabularySize - 1, unsafe start[index] != best { index += 1 }
                return Double(index)
            }
        }
        return found.map { Int32($0) }
    }

    /// KL of the softmax p and q of two rows as `Σ (p·(log p − log q) − p + q)`, summed in double
    /// over chunks.
    ///
    /// `Σ (q − p)` is 0, so the sum is the same; but an error in the logarithm of either total,
    /// which would enter `Σ p·(log p − log q)` whole, cancels here to first order, and small
    /// divergences keep their digits.
    @unsafe
    private static func divergence(
        _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        let shift = unsafe FloatKernels.logSumExp(p, count: count)
        let other = unsafe FloatKernels.logSumExp(q, count: count)
        var sum = 0.0
        var index = 0
        while index < count {
            let end = min(index + 1024, count)
            var part = SIMD8<Float>.zero
            while index + 8 <= end {
                let a = unsafe FloatRun.load(p + index) - shift
                let b = unsafe FloatRun.load(q + index) - other
                let weight = VectorMath.exp(a)
                part += weight * (a - b) + (VectorMath.exp(b) - weight)
                index += 8
            }
            sum += Double(VectorMath.sum(part))
            while index < end {
                let a = unsafe p[index] - shift
                let b = unsafe q[index] - other
                sum += Double(expf(a) * (a - b) + (expf(b) - expf(a)))
                index += 1
            }
        }
        return sum
    }

    @unsafe
    private static func each(
        _ count: Int, _ pool: WorkerPool, _ body: (Int) -> Double
    ) -> [Double] {
        unsafe [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            nonisolated(unsafe) let output = unsafe buffer
            pool.split(count, grain: 4) { range in
                for index in range { unsafe output[index] = body(index) }
            }
            initialized = count
        }
    }
}
