import _HalftoneShims

/// A function of one number with its derivative, worked on eight at a time.
///
/// The loops are requirements with a default so that each function gets its own compiled ones.
package protocol ElementFunction: Sendable {
    /// What the derivative is computed from.
    static var keeps: Kept { get }

    /// The kernel in C that computes the same bits, where memory is not the limit anyway.
    static var kernel: ElementKernel? { get }

    /// The function.
    func value(_ x: SIMD8<Float>) -> SIMD8<Float>

    /// What flows back through the function.
    ///
    /// - Parameters:
    ///   - upstream: The gradient of the result.
    ///   - kept: The argument or the result, as ``keeps`` says; unspecified for neither.
    func pullback(_ upstream: SIMD8<Float>, _ kept: SIMD8<Float>) -> SIMD8<Float>

    /// `output = value(x)` over a run; the two may be the same memory.
    @unsafe func mapRun(
        _ x: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ count: Int)

    /// `output = pullback(upstream, kept)` over a run; all may be the same memory.
    @unsafe func pullbackRun(
        _ upstream: UnsafePointer<Float>, _ kept: UnsafePointer<Float>,
        _ output: UnsafeMutablePointer<Float>, _ count: Int)
}

/// A function among the kernels in C, which use the vectors of the processor.
package struct ElementKernel: Sendable {
    /// The number of the function there.
    let number: Int32
    /// Whether the way back has a kernel too.
    let hasSlope: Bool

    init(_ number: Int, hasSlope: Bool = false) {
        self.number = Int32(number)
        self.hasSlope = hasSlope
    }
}

/// What a derivative needs to be kept until it is asked for.
package enum Kept: Sendable {
    case nothing
    case input
    case output
}

extension ElementFunction {
    package static var kernel: ElementKernel? { nil }

    @unsafe
    package func mapRun(
        _ x: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        if let kernel = Self.kernel {
            unsafe halftone_map(Processor.features, kernel.number, x, output, Int64(count))
            return
        }
        unsafe FloatRun.map(x, into: output, count: count) { value($0) }
    }

    @unsafe
    package func pullbackRun(
        _ upstream: UnsafePointer<Float>, _ kept: UnsafePointer<Float>,
        _ output: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        if let kernel = Self.kernel, kernel.hasSlope {
            unsafe halftone_map_slope(
                Processor.features, kernel.number, kept, upstream, output, Int64(count))
            return
        }
        unsafe FloatRun.map(upstream, kept, into: output, count: count) { pullback($0, $1) }
    }
}

/// Loops over whole arrays, shared out over ``WorkerPool/current``.
package enum Elements {
    /// Elements that a thread takes at least: below, waking another costs more than it saves.
    static let grain = 1 << 14

    /// Replaces each element by the function of it; copies nothing when the memory is shared.
    package static func map(_ function: any ElementFunction, _ x: inout FloatArray) {
        let count = x.count
        unsafe x.rewrite { source, output in
            WorkerPool.current.each(count, grain: grain) { range in
                let start = range.lowerBound
                unsafe function.mapRun(
                    source.pointer + start, output.pointer + start, range.count)
            }
        }
    }

    /// Replaces the gradient of a function's result by that of its argument.
    ///
    /// - Parameters:
    ///   - upstream: The gradient of the result.
    ///   - kept: What the function keeps, as long; nil when that is nothing.
    package static func pullback(
        _ function: any ElementFunction, _ upstream: inout FloatArray, kept: FloatArray?
    ) {
        let count = upstream.count
        precondition(kept == nil || kept!.count == count)
        unsafe upstream.rewrite { source, output in
            let other = unsafe Shared(kept.map { unsafe $0.pointer } ?? source.pointer)
            WorkerPool.current.each(count, grain: grain) { range in
                let start = range.lowerBound
                unsafe function.pullbackRun(
                    source.pointer + start, other.pointer + start, output.pointer + start,
                    range.count)
            }
        }
    }

    /// Adds one array to another of the same length.
    package static func add(_ x: FloatArray, to sum: inout FloatArray) {
        precondition(x.count == sum.count)
        let other = unsafe Shared(x.pointer)
        unsafe sum.rewrite { source, output in
            WorkerPool.current.each(x.count, grain: grain) { range in
                let start = range.lowerBound
                unsafe FloatRun.map(
                    source.pointer + start, other.pointer + start, into: output.pointer + start,
                    count: range.count
                ) { $0 + $1 }
            }
        }
    }
}
