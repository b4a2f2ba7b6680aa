import HalftoneFormats
import _HalftoneShims

extension PackedPages {
    /// Writes a float.
    @unsafe
    private func put(_ value: Float, _ base: UnsafeMutableRawPointer, _ token: Int, _ channel: Int)
    {
        let (panel, step, lane) = place(token, channel)
        if coder.bits == 32 {
            unsafe base.storeBytes(
                of: value, toByteOffset: panel + step * 64 + lane * 4, as: Float.self)
        } else {
            unsafe base.storeBytes(
                of: SmallFloat.float16Bits(value), toByteOffset: panel + step * 32 + lane * 2,
                as: UInt16.self)
        }
    }

    /// Writes a code.
    @unsafe
    private func put(_ code: UInt8, _ base: UnsafeMutableRawPointer, _ token: Int, _ channel: Int) {
        let (panel, step, lane) = place(token, channel)
        let bits = coder.bits
        if bits == 8 {
            unsafe base.storeBytes(of: code, toByteOffset: panel + step * 16 + lane, as: UInt8.self)
            return
        }
        var at = unsafe base + panel + step / 16 * 32 * bits
        let place = step % 16
        func field(_ word: UnsafeMutableRawPointer, _ value: UInt8, shift: Int, mask: UInt32) {
            let old = unsafe word.load(as: UInt32.self)
            let new = old & ~(mask << UInt32(shift)) | (UInt32(value) & mask) << UInt32(shift)
            unsafe word.storeBytes(of: new, as: UInt32.self)
        }
        if bits & 4 != 0 {
            unsafe field(at + place / 8 * 64 + lane * 4, code, shift: place % 8 * 4, mask: 15)
            unsafe at += 128
        }
        if bits & 2 != 0 {
            unsafe field(at + lane * 4, code >> UInt8(bits & 4), shift: place * 2, mask: 3)
            unsafe at += 64
        }
        if bits & 1 != 0 {
            let old = unsafe (at + lane * 2).load(as: UInt16.self)
            let bit = UInt16(code >> UInt8(bits & 6) & 1)
            let new = old & ~(1 << UInt16(place)) | bit << UInt16(place)
            unsafe (at + lane * 2).storeBytes(of: new, as: UInt16.self)
        }
    }

    /// Writes what a group shares.
    @unsafe
    private func put(
        _ shared: CacheCoder.Shared, _ base: UnsafeMutableRawPointer, _ token: Int, _ channel: Int
    ) {
        let index = scaleIndex(token, channel)
        if coder.scaleKind == Int32(HALFTONE_CACHE_EXPONENT_SCALES) {
            unsafe base.storeBytes(
                of: UInt8(truncatingIfNeeded: shared.scale), toByteOffset: scaleOffset + index,
                as: UInt8.self)
        } else {
            unsafe base.storeBytes(
                of: shared.scale, toByteOffset: scaleOffset + index * 2, as: UInt16.self)
        }
        if coder.format.hasMinimum {
            unsafe base.storeBytes(
                of: shared.minimum, toByteOffset: minimumOffset + index * 2, as: UInt16.self)
        }
    }

    /// Stores tokens: one, or as many as come together.
    ///
    /// - Parameters:
    ///   - vectors: `[tokensAtOnce][channels]` of one head.
    ///   - token: The first one; a multiple of their number.
    ///   - head: The head.
    @unsafe
    func store(_ vectors: UnsafePointer<Float>, token: Int, head: Int) {
        let base = unsafe base(head, page: token / tokens)
        let first = token % tokens
        let format = coder.format
        guard format.hasGroups else {
            for channel in 0..<channels { unsafe put(vectors[channel], base, first, channel) }
            return
        }
        // A group is at most 1024 numbers.
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: groupSize) { codes in
            guard let to = codes.baseAddress else { return }
            if format.axis == .token {
                for start in stride(from: 0, to: channels, by: groupSize) {
                    let count = min(groupSize, channels - start)
                    let group = unsafe UnsafeBufferPointer(start: vectors + start, count: count)
                    unsafe put(coder.encode(group, into: to), base, first, start)
                    for index in 0..<count { unsafe put(to[index], base, first, start + index) }
                }
            } else {
                unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: groupSize) { group in
                    for channel in 0..<channels {
                        for index in 0..<groupSize {
                            unsafe group[index] = vectors[index * channels + channel]
                        }
                        unsafe put(
                            coder.encode(UnsafeBufferPointer(group), into: to), base, first, channel
                        )
                        for index in 0..<groupSize {
                            unsafe put(to[index], base, first + index, channel)
                        }
                    }
                }
            }
        }
    }

    /// The value of a channel of a token, by the definition of the layout.
    func value(token: Int, head: Int, channel: Int) -> Float {
        precondition(token >= 0 && head >= 0 && head < heads && channel >= 0 && channel < channels)
        let base = unsafe base(head, page: token / tokens)
        let first = token % tokens
        let (panel, step, lane) = place(first, channel)
        let bits = coder.bits
        if bits == 32 {
            return unsafe base.load(fromByteOffset: panel + step * 64 + lane * 4, as: Float.self)
        }
        if bits == 16 {
            return unsafe SmallFloat.float16(
                base.load(fromByteOffset: panel + step * 32 + lane * 2, as: UInt16.self))
        }
        var code: UInt32 = 0
        if bits == 8 {
            code = UInt32(
                unsafe base.load(fromByteOffset: panel + step * 16 + lane, as: UInt8.self))
        }
        var at = panel + step / 16 * 32 * bits
        let place = step % 16
        if bits & 4 != 0 {
            let word = unsafe base.load(
                fromByteOffset: at + place / 8 * 64 + lane * 4, as: UInt32.self)
            code = word >> UInt32(place % 8 * 4) & 15
            at += 128
        }
        if bits & 2 != 0 {
            let word = unsafe base.load(fromByteOffset: at + lane * 4, as: UInt32.self)
            code |= (word >> UInt32(place * 2) & 3) << UInt32(bits & 4)
            at += 64
        }
        if bits & 1 != 0 {
            let word = unsafe base.load(fromByteOffset: at + lane * 2, as: UInt16.self)
            code |= (UInt32(word) >> UInt32(place) & 1) << UInt32(bits & 6)
        }
        var shared = CacheCoder.Shared()
        let index = scaleIndex(first, channel)
        shared.scale =
            coder.scaleKind == Int32(HALFTONE_CACHE_EXPONENT_SCALES)
            ? UInt16(unsafe base.load(fromByteOffset: scaleOffset + index, as: UInt8.self))
            : unsafe base.load(fromByteOffset: scaleOffset + index * 2, as: UInt16.self)
        if coder.format.hasMinimum {
            shared.minimum = unsafe base.load(
                fromByteOffset: minimumOffset + index * 2, as: UInt16.self)
        }
        return coder.value(UInt8(code), shared)
    }
}
