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

    /// Replaces each element by a function of it.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        var index = 0
        while index &+ 8 <= count {
            unsafe store(transform(load(x + index)), to: x + index)
            index &+= 8
        }
        if index < count {
            let rest = count &- index
            let value = unsafe transform(load(x + index, count: rest, padding: 0))
            unsafe store(value, to: x + index, count: rest)
        }
    }

    /// Replaces each element of `x` by a function of it and its partner in `y`.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafeMutablePointer<Float>, with y: UnsafePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        var index = 0
        while index &+ 8 <= count {
            unsafe store(transform(load(x + index), load(y + index)), to: x + index)
            index &+= 8
        }
        if index < count {
            let rest = count &- index
            let first = unsafe load(x + index, count: rest, padding: 0)
            let second = unsafe load(y + index, count: rest, padding: 0)
            unsafe store(transform(first, second), to: x + index, count: rest)
        }
    }

    /// Writes a function of each element; `output` may be `x`.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>) -> SIMD8<Float>
    ) {
        var index = 0
        while index &+ 8 <= count {
            unsafe store(transform(load(x + index)), to: output + index)
            index &+= 8
        }
        if index < count {
            let rest = count &- index
            let value = unsafe transform(load(x + index, count: rest, padding: 0))
            unsafe store(value, to: output + index, count: rest)
        }
    }

    /// Writes a function of each element of `x` and its partner in `y`; `output` may be either.
    @inline(__always) @unsafe
    static func map(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>, count: Int,
        _ transform: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>
    ) {
        var index = 0
        while index &+ 8 <= count {
            unsafe store(transform(load(x + index), load(y + index)), to: output + index)
            index &+= 8
        }
        if index < count {
            let rest = count &- index
            let first = unsafe load(x + index, count: rest, padding: 0)
            let second = unsafe load(y + index, count: rest, padding: 0)
            unsafe store(transform(first, second), to: output + index, count: rest)
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
        var even = SIMD8<Float>.zero
        var odd = SIMD8<Float>.zero
        var index = 0
        while index &+ 16 <= count {
            unsafe even += transform(load(x + index))
            unsafe odd += transform(load(x + index + 8))
            index &+= 16
        }
        if index &+ 8 <= count {
            unsafe even += transform(load(x + index))
            index &+= 8
        }
        if index < count {
            let rest = count &- index
            unsafe odd += transform(load(x + index, count: rest, padding: padding))
        }
        return VectorMath.sum(even + odd)
    }

    /// The largest element, −∞ for an empty run; unspecified when one is NaN.
    @inline(__always) @unsafe
    static func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var best = SIMD8<Float>(repeating: -.infinity)
        var index = 0
        while index &+ 8 <= count {
            let value = unsafe load(x + index)
            best = VectorMath.larger(best, value)
            index &+= 8
        }
        var result = -Float.infinity
        for lane in 0..<8 where best[lane] > result { result = best[lane] }
        while index < count {
            if unsafe x[index] > result { result = unsafe x[index] }
            index &+= 1
        }
        return result
    }
}
