import HalftoneFormats

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The packed channels of a head in the order that they are stored in: runs of channels with a
/// format each, perhaps as coefficients of a Fourier transform.
///
/// Permutation and transform are orthogonal, so the product of a query and a key is that of both
/// arranged alike, and nothing is turned back when keys are read.
@safe
final class PackedBands: Sendable {
    /// A run of stored channels.
    struct Band: Sendable {
        let pages: PackedPages
        /// The first stored channel.
        let first: Int
        /// Where the band begins when bands are filled up to whole panels.
        let offset: Int
        /// The transform, `[coefficients][channels]`, or nil.
        let transform: FloatBuffer?
    }

    let bands: [Band]
    let isKeys: Bool
    let headDim: Int

    /// Which channel is stored where, `[heads][headDim]`, or nil for the model's order.
    let order: [Int]?

    /// Channels with each band filled up to whole panels.
    let paddedChannels: Int
    /// Tokens that are stored at once: those of the largest group.
    let tokensAtOnce: Int

    /// - Parameters:
    ///   - formats: The formats with the number of their channels; the last has what is left.
    ///   - isKeys: Whether these are keys.
    ///   - heads: Heads.
    ///   - headDim: Channels of a head.
    ///   - order: Which channel is stored where.
    ///   - features: The instructions that kernels use.
    init(
        _ formats: [(format: CacheFormat, channels: Int)], isKeys: Bool, heads: Int, headDim: Int,
        order: [Int]?, features: UInt32
    ) {
        var bands: [Band] = []
        var first = 0
        var offset = 0
        for (format, wanted) in formats {
            let count = min(wanted, headDim - first)
            guard count > 0 else { continue }
            let pages = PackedPages(
                CacheCoder(format), isKeys: isKeys, heads: heads, channels: count,
                features: features)
            bands.append(
                Band(
                    pages: pages, first: first, offset: offset,
                    transform: format.isFourier ? FloatBuffer(Self.fourier(count)) : nil))
            first += count
            offset += pages.paddedChannels
        }
        self.bands = bands
        tokensAtOnce = bands.map(\.pages.coder.format.tokensAtOnce).max() ?? 1
        self.isKeys = isKeys
        self.headDim = headDim
        self.order = order
        paddedChannels = offset
    }

    /// The orthonormal discrete Fourier transform of real numbers, `[count][count]`: of the
    /// Hermitian half that is independent the constant, cosines and sines of frequency 1, 2, …,
    /// and with an even count the alternating signs.
    static func fourier(_ count: Int) -> [Float] {
        var rows: [[Double]] = [[Double](repeating: 1, count: count)]
        for frequency in 1..<max(1, (count + 1) / 2) {
            for phase in [0.0, 0.5] {
                rows.append(
                    (0..<count).map {
                        let turns = Double(frequency * $0 % count) / Double(count)
                        return cos(2 * (turns - phase / 2) * .pi) * 2.0.squareRoot()
                    })
            }
        }
        if count.isMultiple(of: 2) {
            rows.append((0..<count).map { $0.isMultiple(of: 2) ? 1 : -1 })
        }
        return rows.flatMap { $0.map { Float($0 / Double(count).squareRoot()) } }
    }

    /// Bytes of memory.
    var byteCount: Int { bands.reduce(0) { $0 + $1.pages.byteCount } }

    /// Takes memory for a number of tokens.
    func reserve(_ count: Int) { for band in bands { band.pages.reserve(count) } }

    /// Writes the channels of a band as they are stored.
    @inline(__always) @unsafe
    private func arrange(
        _ vector: UnsafePointer<Float>, head: Int, _ band: Band,
        into output: UnsafeMutablePointer<Float>, times factor: Float
    ) {
        let count = band.pages.channels
        func channel(_ index: Int) -> Int {
            order.map { $0[head * headDim + band.first + index] } ?? band.first + index
        }
        guard let transform = band.transform else {
            for index in 0..<count { unsafe output[index] = vector[channel(index)] * factor }
            return
        }
        unsafe output.update(repeating: 0, count: count)
        for index in 0..<count {
            let value = unsafe vector[channel(index)] * factor
            // The matrix's column, as a sum over channels in order.
            for row in 0..<count {
                unsafe output[row] += transform.base[row * count + index] * value
            }
        }
    }

    /// Writes a query as keys are stored, times a factor, with zeros where bands are filled up.
    @unsafe
    func arrange(
        _ vector: UnsafePointer<Float>, head: Int, into output: UnsafeMutablePointer<Float>,
        times factor: Float
    ) {
        for band in bands {
            let to = unsafe output + band.offset
            unsafe arrange(vector, head: head, band, into: to, times: factor)
            for index in band.pages.channels..<band.pages.paddedChannels { unsafe to[index] = 0 }
        }
    }

    /// Stores tokens that come together.
    ///
    /// - Parameters:
    ///   - vectors: `[tokensAtOnce][headDim]` of one head, in the model's order.
    ///   - token: The first one; a multiple of their number.
    ///   - head: The head.
    ///   - scratch: `tokensAtOnce · headDim` floats.
    @unsafe
    func store(
        _ vectors: UnsafePointer<Float>, token: Int, head: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let count = tokensAtOnce
        for band in bands {
            let width = band.pages.channels
            for index in 0..<count {
                unsafe arrange(
                    vectors + index * headDim, head: head, band, into: scratch + index * width,
                    times: 1)
            }
            let step = band.pages.coder.format.tokensAtOnce
            for index in stride(from: 0, to: count, by: step) {
                unsafe band.pages.store(scratch + index * width, token: token + index, head: head)
            }
        }
    }

    /// As ``PackedPages/addScores(_:page:_:queries:stride:count:scratch:scores:scoreStride:)``,
    /// with arranged queries.
    @unsafe
    func addScores(
        _ head: Int, page: Int, _ range: Range<Int>, queries: UnsafePointer<Float>, stride: Int,
        count: Int, scratch: UnsafeMutablePointer<Float>, scores: UnsafeMutablePointer<Float>,
        scoreStride: Int
    ) {
        for band in bands {
            unsafe band.pages.addScores(
                head, page: page, range, queries: queries + band.offset, stride: stride,
                count: count, scratch: scratch, scores: scores, scoreStride: scoreStride)
        }
    }

    /// As ``PackedPages/addMix(_:page:length:weights:stride:count:scratch:output:outputStride:)``.
    @unsafe
    func addMix(
        _ head: Int, page: Int, length: Int, weights: UnsafePointer<Float>, stride: Int,
        count: Int, scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>,
        outputStride: Int
    ) {
        for band in bands {
            unsafe band.pages.addMix(
                head, page: page, length: length, weights: weights, stride: stride, count: count,
                scratch: scratch, output: output + band.offset, outputStride: outputStride)
        }
    }

    /// The first values of a page as they are stored: `[length][paddedChannels]`.
    @unsafe
    func decodeValues(
        _ head: Int, page: Int, length: Int, into output: UnsafeMutablePointer<Float>
    ) {
        for band in bands {
            unsafe band.pages.decodeValues(
                head, page: page, length: length, into: output + band.offset,
                stride: paddedChannels)
        }
    }

    /// Keys of some panels of a page as they are stored: `[tiles][paddedChannels][16]`.
    @unsafe
    func decodeKeys(
        _ head: Int, page: Int, tiles: Range<Int>, into output: UnsafeMutablePointer<Float>
    ) {
        for band in bands {
            unsafe band.pages.decodeKeys(
                head, page: page, tiles: tiles, into: output + band.offset * 16,
                stride: paddedChannels * 16)
        }
    }

    /// The value of a channel of a token in the model's order, by the definition.
    func value(token: Int, head: Int, channel: Int) -> Float {
        let own = order.map { Array($0[head * headDim..<(head + 1) * headDim]) }
        let stored = own.map { $0.firstIndex(of: channel) ?? 0 } ?? channel
        guard let band = bands.last(where: { $0.first <= stored }) else { return 0 }
        let index = stored - band.first
        guard let transform = band.transform else {
            return band.pages.value(token: token, head: head, channel: index)
        }
        let count = band.pages.channels
        return (0..<count).reduce(Float(0)) { sum, row in
            sum + transform[row * count + index]
                * band.pages.value(token: token, head: head, channel: row)
        }
    }
}
