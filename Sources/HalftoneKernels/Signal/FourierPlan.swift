import CKissFFT
import Foundation
import Synchronization

/// What the transforms of one length need; does not change, and threads share it.
///
/// Lengths without a large prime factor go to the library; others through a convolution of a
/// length that it likes.
///
/// Source: L. Bluestein, "A linear filtering approach to the computation of discrete Fourier
/// transform", IEEE Transactions on Audio and Electroacoustics 18(4), 1970.
@safe
final class FourierPlan: @unchecked Sendable {
    /// Points of a transform.
    let length: Int
    private let forward: OpaquePointer
    private let inverse: OpaquePointer
    private let chirp: Chirp?

    /// Points of the transforms that the library does: the length, or that of the convolution.
    private let innerLength: Int

    /// `e^(−iπk²/n)` and the transform of its conjugate, over the convolution's length.
    private struct Chirp {
        var factors: [kiss_fft_cpx]
        var spectrum: [kiss_fft_cpx]
    }

    /// The largest prime factor for which the library's own way is faster.
    private static let largestFactor = 31

    private init(length: Int) {
        self.length = length
        let needsChirp = Self.largestPrimeFactor(length) > Self.largestFactor
        innerLength = needsChirp ? Int(kiss_fft_next_fast_size(Int32(2 * length - 1))) : length
        unsafe forward = kiss_fft_alloc(Int32(innerLength), 0, nil, nil)!
        unsafe inverse = kiss_fft_alloc(Int32(innerLength), 1, nil, nil)!
        guard needsChirp else {
            chirp = nil
            return
        }
        let factors = (0..<length).map { k in
            // The square modulo 2n keeps the angle small and exact.
            let angle = -Double.pi * Double(k * k % (2 * length)) / Double(length)
            return kiss_fft_cpx(r: Float(cos(angle)), i: Float(sin(angle)))
        }
        var filter = [kiss_fft_cpx](repeating: kiss_fft_cpx(r: 0, i: 0), count: innerLength)
        for k in 0..<length {
            let scale = 1 / Float(innerLength)
            let value = kiss_fft_cpx(r: factors[k].r * scale, i: -factors[k].i * scale)
            filter[k] = value
            if k > 0 { filter[innerLength - k] = value }
        }
        var spectrum = filter
        unsafe kiss_fft(forward, filter, &spectrum)
        chirp = Chirp(factors: factors, spectrum: spectrum)
    }

    deinit {
        unsafe free(UnsafeMutableRawPointer(forward))
        unsafe free(UnsafeMutableRawPointer(inverse))
    }

    /// Floats of scratch memory for a transform.
    var scratchCount: Int { chirp == nil ? 0 : 4 * innerLength }

    /// Transforms `length` pairs without a factor.
    ///
    /// - Parameters:
    ///   - input: Does not overlap the output.
    ///   - isInverse: The sign of the exponent is plus.
    @unsafe
    func run(
        _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, isInverse: Bool,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let x = unsafe UnsafeRawPointer(input).assumingMemoryBound(to: kiss_fft_cpx.self)
        let y = unsafe UnsafeMutableRawPointer(output).assumingMemoryBound(to: kiss_fft_cpx.self)
        guard let chirp else {
            unsafe kiss_fft(isInverse ? inverse : forward, x, y)
            return
        }
        let memory = unsafe UnsafeMutableRawPointer(scratch)
            .assumingMemoryBound(to: kiss_fft_cpx.self)
        let (a, b) = unsafe (memory, memory + innerLength)
        // The inverse is the conjugate of the transform of the conjugate.
        let sign: Float = isInverse ? -1 : 1
        for k in 0..<length {
            let (value, factor) = unsafe (x[k], chirp.factors[k])
            unsafe a[k] = Self.product(kiss_fft_cpx(r: value.r, i: sign * value.i), factor)
        }
        for k in length..<innerLength { unsafe a[k] = kiss_fft_cpx(r: 0, i: 0) }
        unsafe kiss_fft(forward, a, b)
        for k in 0..<innerLength { unsafe b[k] = Self.product(b[k], chirp.spectrum[k]) }
        unsafe kiss_fft(inverse, b, a)
        for k in 0..<length {
            let value = unsafe Self.product(a[k], chirp.factors[k])
            unsafe y[k] = kiss_fft_cpx(r: value.r, i: sign * value.i)
        }
    }

    @inline(__always)
    private static func product(_ a: kiss_fft_cpx, _ b: kiss_fft_cpx) -> kiss_fft_cpx {
        kiss_fft_cpx(r: a.r * b.r - a.i * b.i, i: a.r * b.i + a.i * b.r)
    }

    static func largestPrimeFactor(_ length: Int) -> Int {
        var (rest, largest, factor) = (length, 1, 2)
        while factor * factor <= rest {
            if rest % factor == 0 {
                largest = factor
                rest /= factor
            } else {
                factor += 1
            }
        }
        return max(largest, rest)
    }
}

extension FourierPlan {
    /// Plans made so far, each a pure function of its length.
    private static let made = Mutex<[Int: FourierPlan]>([:])

    /// The plan for a length of at least 1.
    static func plan(for length: Int) -> FourierPlan {
        precondition(length >= 1 && length <= 1 << 28, "no transform of \(length) points")
        return made.withLock { plans in
            if let plan = plans[length] { return plan }
            let plan = FourierPlan(length: length)
            if plans.count >= 64 { plans.removeAll() }
            plans[length] = plan
            return plan
        }
    }
}
