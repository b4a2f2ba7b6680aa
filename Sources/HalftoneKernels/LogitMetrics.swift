import Foundation

/// Losses and divergences of many rows of logits at once, spread over a pool.
public enum LogitMetrics {
    /// The loss of each row's target, `log Σ e^z − z[target]` in nats.
    ///
    /// - Parameters:
    ///   - logits: `[targets.count, vocabularySize]`.
    ///   - vocabularySize: Logits of a row.
    ///   - targets: Within the vocabulary.
    ///   - pool: The threads to use.
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

    /// The largest distance between two logits of the same place.
    ///
    /// - Parameters:
    ///   - first: Logits.
    ///   - second: As many; NaN on either side counts as infinitely far.
    public static func largestDifference(_ first: [Float], _ second: [Float]) -> Float {
        precondition(first.count == second.count, "the lengths differ")
        var largest: Float = 0
        let (first, second) = (first.span, second.span)
        for index in first.indices {
            let distance = (first[index] - second[index]).magnitude
            largest = distance <= largest ? largest : distance.isNaN ? .infinity : distance
        }
        return largest
    }

    /// Compares two rows of logits position by position.
    ///
    /// - Parameters:
    ///   - reference: `[rows, vocabularySize]`.
    ///   - candidate: Of the same shape.
    ///   - rows: Rows of both.
    ///   - vocabularySize: Logits of a row.
    ///   - pool: The threads to use.
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

    /// KL of the softmax p and q of two rows as `Σ p·g(log p − log q)` with
    /// `g(d) = d − 1 + e^−d`, summed in double over chunks.
    ///
    /// `Σ p·(e^−d − 1) = Σ (q − p)` is 0, so the sum is that of `p·d`; but no term is negative, and
    /// an error in the logarithm of either total, which would enter `Σ p·d` whole, enters as its
    /// square. Small divergences keep their digits.
    @unsafe
    private static func divergence(
        _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ count: Int
    ) -> Double {
        let total = unsafe FloatKernels.logSumExp(p, count: count)
        let shift = unsafe total - FloatKernels.logSumExp(q, count: count)
        var sum = 0.0
        var index = 0
        while index < count {
            let end = min(index + 1024, count)
            var part = SIMD8<Float>.zero
            while index + 8 <= end {
                let a = unsafe FloatRun.load(p + index)
                let b = unsafe FloatRun.load(q + index)
                part += divergenceTerm(a - total, (a - b) - shift)
                index += 8
            }
            if index < end {
                let rest = end - index
                let a = unsafe FloatRun.load(p + index, count: rest, padding: -.infinity)
                let b = unsafe FloatRun.load(q + index, count: rest, padding: 0)
                let term = unsafe divergenceTerm(
                    a - total,
                    (FloatRun.load(p + index, count: rest, padding: 0) - b) - shift)
                part += term
                index = end
            }
            sum += Double(VectorMath.sum(part))
        }
        return sum
    }

    /// `p·g(d)` of eight positions from log p and d.
    @inline(__always)
    private static func divergenceTerm(_ logP: SIMD8<Float>, _ d: SIMD8<Float>) -> SIMD8<Float> {
        let weight = VectorMath.exp(logP)
        // The series to d⁶ is off by less than 2·|d|⁷/7! < 2⁻²³ of d²/2 where |d| < 1/4.
        var series = d * (1.0 / 720) - 1.0 / 120
        series = series * d + 1.0 / 24
        series = series * d - 1.0 / 6
        series = series * d + 0.5
        let near = weight * (d * d * series)
        let far = weight * (d - 1) + VectorMath.exp(logP - d)
        let isNear = VectorMath.ones(
            whereNegative: VectorMath.signed(VectorMath.bits(VectorMath.magnitude(d)))
                &- SIMD8(repeating: Int32(bitPattern: Float(0.25).bitPattern)))
        return VectorMath.floats(
            VectorMath.select(VectorMath.bits(near), VectorMath.bits(far), isNear))
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
