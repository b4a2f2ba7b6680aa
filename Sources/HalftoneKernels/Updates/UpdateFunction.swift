/// One step of an optimizer on eight weights: from a gradient and what is kept per weight.
package protocol UpdateFunction: Sendable {
    /// Numbers kept per weight, at most three.
    var slotCount: Int { get }

    /// Changes weights and what is kept for them.
    func step(
        _ weight: inout SIMD8<Float>, _ gradient: SIMD8<Float>, _ slots: inout UpdateSlots)

    /// A step on a run; `slots` has an address for each number kept.
    @unsafe func run(
        _ weight: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, scale: Float,
        _ slots: [UnsafeMutablePointer<Float>], _ count: Int)
}

/// What is kept for eight weights.
package struct UpdateSlots: Sendable {
    package var first = SIMD8<Float>()
    package var second = SIMD8<Float>()
    package var third = SIMD8<Float>()
}

extension UpdateFunction {
    @unsafe
    package func run(
        _ weight: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, scale: Float,
        _ slots: [UnsafeMutablePointer<Float>], _ count: Int
    ) {
        let kept = slotCount
        unsafe precondition(slots.count == kept && kept <= 3)
        let first = unsafe kept > 0 ? slots[0] : weight
        let second = unsafe kept > 1 ? slots[1] : weight
        let third = unsafe kept > 2 ? slots[2] : weight
        var index = 0
        while index &+ 8 <= count {
            var w = unsafe FloatRun.load(weight + index)
            let g = unsafe FloatRun.load(gradient + index) * scale
            var values = UpdateSlots()
            if kept > 0 { values.first = unsafe FloatRun.load(first + index) }
            if kept > 1 { values.second = unsafe FloatRun.load(second + index) }
            if kept > 2 { values.third = unsafe FloatRun.load(third + index) }
            step(&w, g, &values)
            unsafe FloatRun.store(w, to: weight + index)
            if kept > 0 { unsafe FloatRun.store(values.first, to: first + index) }
            if kept > 1 { unsafe FloatRun.store(values.second, to: second + index) }
            if kept > 2 { unsafe FloatRun.store(values.third, to: third + index) }
            index &+= 8
        }
        guard index < count else { return }
        let rest = count &- index
        var w = unsafe FloatRun.load(weight + index, count: rest, padding: 0)
        let g = unsafe FloatRun.load(gradient + index, count: rest, padding: 0) * scale
        var values = UpdateSlots()
        if kept > 0 { values.first = unsafe FloatRun.load(first + index, count: rest, padding: 0) }
        if kept > 1 {
            values.second = unsafe FloatRun.load(second + index, count: rest, padding: 0)
        }
        if kept > 2 { values.third = unsafe FloatRun.load(third + index, count: rest, padding: 0) }
        step(&w, g, &values)
        unsafe FloatRun.store(w, to: weight + index, count: rest)
        if kept > 0 { unsafe FloatRun.store(values.first, to: first + index, count: rest) }
        if kept > 1 { unsafe FloatRun.store(values.second, to: second + index, count: rest) }
        if kept > 2 { unsafe FloatRun.store(values.third, to: third + index, count: rest) }
    }
}

/// Loops of optimizers over whole arrays, shared out over ``WorkerPool/current``.
package enum UpdateLoops {
    /// A step on all weights.
    ///
    /// - Parameters:
    ///   - function: The step.
    ///   - weight: Changed in place when nobody else holds it.
    ///   - gradient: As long.
    ///   - scale: On the gradient.
    ///   - slots: As many as the function keeps, each as long.
    package static func apply(
        _ function: any UpdateFunction, _ weight: inout FloatArray, gradient: FloatArray,
        scale: Float, slots: inout [FloatArray]
    ) {
        let count = weight.count
        precondition(gradient.count == count && slots.allSatisfy { $0.count == count })
        let w = unsafe SharedMutable(weight.mutablePointer)
        let g = unsafe Shared(gradient.pointer)
        var addresses: [SharedMutable<Float>] = unsafe []
        for index in slots.indices {
            unsafe addresses.append(SharedMutable(slots[index].mutablePointer))
        }
        let kept = unsafe addresses
        WorkerPool.current.each(count, grain: Elements.grain) { range in
            let start = range.lowerBound
            unsafe function.run(
                w.pointer + start, g.pointer + start, scale: scale,
                unsafe kept.map { unsafe $0.pointer + start }, range.count)
        }
    }

    /// `x += (y − x) · share`, in place when nobody else holds `x`.
    package static func move(_ x: inout FloatArray, towards y: FloatArray, share: Float) {
        let count = x.count
        precondition(y.count == count)
        let to = unsafe SharedMutable(x.mutablePointer)
        let from = unsafe Shared(y.pointer)
        WorkerPool.current.each(count, grain: Elements.grain) { range in
            let start = range.lowerBound
            unsafe FloatRun.map(
                to.pointer + start, with: from.pointer + start, count: range.count
            ) { $0 + ($1 - $0) * share }
        }
    }

    /// The sum of squares in float64, with partial sums whose borders depend on the count alone.
    package static func sumOfSquares(_ x: FloatArray) -> Double {
        let block = 1 << 14
        let blocks = (x.count + block - 1) / block
        guard blocks > 0 else { return 0 }
        var sums = [Double](repeating: 0, count: blocks)
        let source = unsafe Shared(x.pointer)
        let count = x.count
        unsafe sums.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let sums = buffer.baseAddress!
            WorkerPool.current.each(blocks, grain: 1) { range in
                for index in range {
                    let start = index * block
                    unsafe sums[index] = sumOfSquares(
                        source.pointer + start, count: min(block, count - start))
                }
            }
        }
        return sums.reduce(0, +)
    }

    @unsafe
    private static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
        var sum = SIMD8<Double>()
        var index = 0
        while index &+ 8 <= count {
            let value = unsafe SIMD8<Double>(FloatRun.load(x + index))
            sum += value * value
            index &+= 8
        }
        var total = sum.sum()
        while index < count {
            let value = unsafe Double(x[index])
            total += value * value
            index &+= 1
        }
        return total
    }
}
