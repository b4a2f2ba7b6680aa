#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A function of two numbers with both derivatives, worked on eight at a time.
package protocol PairFunction: Sendable {
    /// The function.
    func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float>

    /// What flows back to the first argument.
    func first(_ upstream: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float>

    /// What flows back to the second argument.
    func second(_ upstream: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float>

    /// A part of a result, the operands repeated as a broadcast says; see ``Elements``.
    @unsafe func run(
        _ part: PairPart, _ broadcast: Broadcast, _ range: Range<Int>,
        upstream: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>)
}

/// What is to be computed of a function of two numbers.
package enum PairPart: Sendable {
    case value
    case first
    case second
}

extension PairFunction {
    package func first(
        _ upstream: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
    ) -> SIMD8<Float> { .zero }

    package func second(
        _ upstream: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
    ) -> SIMD8<Float> { .zero }

    @unsafe
    package func run(
        _ part: PairPart, _ broadcast: Broadcast, _ range: Range<Int>,
        upstream: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        unsafe runLoop(part, broadcast, range, upstream: upstream, x, y, into: output)
    }

    /// The loop for operands that repeat in any way.
    @inline(__always) @unsafe
    func runLoop(
        _ part: PairPart, _ broadcast: Broadcast, _ range: Range<Int>,
        upstream: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        switch part {
        case .value:
            unsafe loop(broadcast, range, output, x, y, output) { _, x, y in value(x, y) }
        case .first:
            unsafe loop(broadcast, range, upstream, x, y, output) { first($0, $1, $2) }
        case .second:
            unsafe loop(broadcast, range, upstream, x, y, output) { second($0, $1, $2) }
        }
    }

    @inline(__always) @unsafe
    private func loop(
        _ broadcast: Broadcast, _ range: Range<Int>, _ upstream: UnsafePointer<Float>,
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        _ output: UnsafeMutablePointer<Float>,
        _ body: (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        let last = broadcast.lengths.count - 1
        switch (broadcast.first[last] == 0, broadcast.second[last] == 0) {
        case (false, false):
            broadcast.forEachRun(range) { place, one, two, count in
                let (x, y) = unsafe (x + one, y + two)
                unsafe FloatRun.map(
                    upstream + place, into: output + place, count: count
                ) { g, index, rest in
                    unsafe body(
                        g, FloatRun.load(x + index, upTo: rest, padding: 1),
                        FloatRun.load(y + index, upTo: rest, padding: 1))
                }
            }
        case (false, true):
            broadcast.forEachRun(range) { place, one, two, count in
                let x = unsafe x + one
                let y = unsafe SIMD8<Float>(repeating: y[two])
                unsafe FloatRun.map(
                    upstream + place, into: output + place, count: count
                ) { g, index, rest in
                    unsafe body(g, FloatRun.load(x + index, upTo: rest, padding: 1), y)
                }
            }
        case (true, false):
            broadcast.forEachRun(range) { place, one, two, count in
                let x = unsafe SIMD8<Float>(repeating: x[one])
                let y = unsafe y + two
                unsafe FloatRun.map(
                    upstream + place, into: output + place, count: count
                ) { g, index, rest in
                    unsafe body(g, x, FloatRun.load(y + index, upTo: rest, padding: 1))
                }
            }
        case (true, true):
            broadcast.forEachRun(range) { place, one, two, count in
                let x = unsafe SIMD8<Float>(repeating: x[one])
                let y = unsafe SIMD8<Float>(repeating: y[two])
                unsafe FloatRun.map(
                    upstream + place, into: output + place, count: count
                ) { g in body(g, x, y) }
            }
        }
    }
}

extension Elements {
    /// A function of two arrays that repeat as a broadcast says.
    package static func combine(
        _ function: any PairFunction, _ broadcast: Broadcast, _ x: FloatArray, _ y: FloatArray
    ) -> FloatArray {
        var result = FloatArray(uninitializedCount: broadcast.count)
        guard broadcast.count > 0 else { return result }
        let (one, two) = unsafe (Shared(x.pointer), Shared(y.pointer))
        let output = unsafe SharedMutable(result.mutablePointer)
        WorkerPool.current.each(broadcast.count, grain: grain) { range in
            unsafe function.run(
                .value, broadcast, range, upstream: one.pointer, one.pointer, two.pointer,
                into: output.pointer)
        }
        return result
    }

    /// Replaces the gradient of a function's result by that of an argument, not yet summed over
    /// what was repeated.
    package static func pullback(
        _ function: any PairFunction, _ part: PairPart, _ broadcast: Broadcast,
        _ upstream: inout FloatArray, _ x: FloatArray, _ y: FloatArray
    ) {
        precondition(upstream.count == broadcast.count)
        let (one, two) = unsafe (Shared(x.pointer), Shared(y.pointer))
        unsafe upstream.rewrite { source, output in
            WorkerPool.current.each(broadcast.count, grain: grain) { range in
                unsafe function.run(
                    part, broadcast, range, upstream: source.pointer, one.pointer, two.pointer,
                    into: output.pointer)
            }
        }
    }
}
