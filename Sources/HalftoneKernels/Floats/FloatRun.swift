import _HalftoneShims

/// Access to runs of floats eight at a time; the last part of a run is padded.
enum FloatRun {
    /// Eight floats from an address that needs no alignment.
    @inline(__always) @unsafe
    static func load(_ address: UnsafePointer<Float>) -> SIMD8<Float> {
        unsafe UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Float>.self)
    }

    /// Stores eight floats to an address that needs no alignment.
    @inline(__always) @unsafe
    static func store(_ value: SIMD8<Float>, to address: UnsafeMutablePointer<Float>) {
        unsafe UnsafeMutableRawPointer(address).storeBytes(of: value, as: SIMD8<Float>.self)
    }

    /// The first `count < 8` floats, the others set to `padding`.
    @inline(__always) @unsafe
    static func load(
        _ address: UnsafePointer<Float>, count: Int, padding: Float
    ) -> SIMD8<Float> {
        var value = SIMD8<Float>(repeating: padding)
        for lane in 0..<count { value[lane] = unsafe address[lane] }
        return value
    }

    /// Stores the first `count < 8` elements.
    @inline(__always) @unsafe
    static func store(
        _ value: SIMD8<Float>, to address: UnsafeMutablePointer<Float>, count: Int
    ) {
        for lane in 0..<count { unsafe address[lane] = value[lane] }
    }

    /// The next eight floats, or as many as there are with `padding` behind them.
    @inline(__always) @unsafe
    static func load(
        _ address: UnsafePointer<Float>, upTo count: Int, padding: Float
    ) -> SIMD8<Float> {
        unsafe count >= 8 ? load(address) : load(address, count: count, padding: padding)
    }

    /// Stores eight floats, or the first of them when there is less room.
    @inline(__always) @unsafe
    static func store(
        _ value: SIMD8<Float>, to address: UnsafeMutablePointer<Float>, upTo count: Int
    ) {
        if count >= 8 {
            unsafe store(value, to: address)
        } else {
            unsafe store(value, to: address, count: count)
        }
    }

    // Each loop below has one place where it calls its function, so that it is compiled into it.

    /// Replaces each element by a function of it.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe map(x, into: x, count: count, transform)
    }

    /// Replaces each element of `x` by a function of it and its partner in `y`.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafeMutablePointer<Float>, with y: UnsafePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe map(x, y, into: x, count: count, transform)
    }

    /// Writes a function of each element; `output` may be `x`.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe map(x, into: output, count: count) { value, _, _ in transform(value) }
    }

    /// Writes a function of each element of `x` and its partner in `y`; `output` may be either.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        unsafe map(x, into: output, count: count) { value, index, rest in
            unsafe transform(value, load(y + index, upTo: rest, padding: 0))
        }
    }

    /// Writes a function of each element, its index, and how many there are from there on.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>, Int, Int) -> SIMD8<Float>
    ) {
        var index = 0
        while index < count {
            let rest = count &- index
            let value = unsafe transform(load(x + index, upTo: rest, padding: 0), index, rest)
            unsafe store(value, to: output + index, upTo: rest)
            index &+= 8
        }
    }

    /// The sum of a function of each element, in two times eight partial sums.
    ///
    /// The function must give 0 for `padding`.
    @inline(__always) @unsafe
    static func sum(
        _ x: UnsafePointer<Float>, count: Int, padding: Float = 0,
        _ transform: (SIMD8<Float>) -> SIMD8<Float>
    ) -> Float {
        var (next, other) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var index = 0
        while index < count {
            let value = unsafe load(x + index, upTo: count &- index, padding: padding)
            next += transform(value)
            swap(&next, &other)
            index &+= 8
        }
        return VectorMath.sum(next + other)
    }

    /// The largest element, −∞ for an empty run; unspecified when one is NaN.
    @inline(__always) @unsafe
    static func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        unsafe halftone_maximum(Processor.features, x, Int64(count))
    }
}
