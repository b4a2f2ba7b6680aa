import HalftoneFormats
import _HalftoneShims

/// Packed keys or values of an attention layer, in pages of some tokens, all heads in each.
///
/// Tokens are counted from the first that is packed. A head's part of a page holds panels, then
/// scales, then minima; the header `cache.h` describes panels, whose lanes are tokens of keys and
/// channels of values. Pages are zeroed, taken when they are reserved and never moved.
@safe
final class PackedPages: @unchecked Sendable {
    let coder: CacheCoder
    let isKeys: Bool
    let heads: Int
    let channels: Int
    /// Tokens of a page.
    let tokens: Int

    /// The instructions that kernels use; they change no result.
    let features: UInt32

    /// Numbers that share a scale: channels of a token, or tokens of a channel.
    let groupSize: Int

    /// Whether scales are those of steps.
    let isPerStep: Bool

    /// What kernels read of any panels: everything but where they are and how many.
    ///
    /// Made once, so that reading a page counts no references, which the threads would wait for
    /// each other at.
    @unsafe let common: halftone_cache_panels

    let hasGroups: Bool
    let hasMinimum: Bool
    private let isByChannel: Bool
    private var pages = unsafe [UnsafeMutableRawPointer]()

    /// Where a head's scales and minima begin, and its bytes.
    let scaleOffset: Int
    let minimumOffset: Int
    private let headBytes: Int

    static let lanes = 16

    /// Tokens of a page unless groups are larger.
    static let usualTokens = 256

    init(
        _ coder: CacheCoder, isKeys: Bool, heads: Int, channels: Int, features: UInt32
    ) {
        self.coder = coder
        self.features = features
        self.isKeys = isKeys
        self.heads = heads
        self.channels = channels
        tokens = Self.usualTokens
        let format = coder.format
        let padded = (channels + 15) / 16 * 16
        groupSize =
            format.axis == .channel
            ? format.tokensAtOnce : min(format.groupSize ?? padded, padded)
        let codes = padded * tokens * coder.bits / 8
        let perToken = (padded + groupSize - 1) / groupSize
        let groups =
            !format.hasGroups
            ? 0 : format.axis == .channel ? padded * (tokens / groupSize) : perToken * tokens
        let isExponent = coder.scaleKind == Int32(HALFTONE_CACHE_EXPONENT_SCALES)
        scaleOffset = codes
        minimumOffset = codes + groups * (isExponent ? 1 : 2)
        headBytes = (minimumOffset + (format.hasMinimum ? groups * 2 : 0) + 63) / 64 * 64
        hasGroups = format.hasGroups
        hasMinimum = format.hasMinimum
        isByChannel = format.axis == .channel
        isPerStep = format.hasGroups && isKeys == isByChannel
        let steps = isKeys ? padded : tokens
        var common = unsafe halftone_cache_panels()
        unsafe common.table = coder.table.map { unsafe UnsafePointer($0.base) }
        unsafe common.panel_bytes = Int64(steps * 2 * coder.bits)
        unsafe common.kind = Int32(coder.bits)
        unsafe common.scale_kind = coder.scaleKind
        unsafe common.zero = coder.zero
        if format.hasGroups {
            unsafe common.per_step = isPerStep ? 1 : 0
            unsafe common.group = Int64(groupSize)
            unsafe common.panel_groups = Int64((steps + groupSize - 1) / groupSize)
        }
        unsafe self.common = unsafe common
    }

    deinit { unsafe pages.forEach { unsafe $0.deallocate() } }

    /// Channels in whole panels.
    var paddedChannels: Int { (channels + 15) / 16 * 16 }

    /// Bytes of memory.
    var byteCount: Int { unsafe pages.count * heads * headBytes }

    /// Takes memory for a number of tokens.
    func reserve(_ count: Int) {
        let bytes = heads * headBytes
        while unsafe pages.count * tokens < count {
            let page = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            unsafe page.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            unsafe pages.append(page)
        }
    }

    /// A head's part of a page.
    @inline(__always) @unsafe
    func base(_ head: Int, page: Int) -> UnsafeMutableRawPointer {
        unsafe pages[page] + head * headBytes
    }

    /// Bytes from a page to the next one, or 0 behind the last.
    @inline(__always)
    func next(after page: Int) -> Int {
        guard unsafe page + 1 < pages.count else { return 0 }
        return unsafe pages[page + 1] - pages[page]
    }

    /// Which scale belongs to a token of a page and a channel.
    @inline(__always)
    func scaleIndex(_ token: Int, _ channel: Int) -> Int {
        let lanes = Self.lanes
        if isByChannel {
            let group = token / groupSize
            return isKeys
                ? group * paddedChannels + channel
                : (channel / lanes * (tokens / groupSize) + group) * lanes + channel % lanes
        }
        let group = channel / groupSize
        let groups = (paddedChannels + groupSize - 1) / groupSize
        return isKeys
            ? (token / lanes * groups + group) * lanes + token % lanes
            : group * tokens + token
    }

    /// Where an element is, by token of a page and channel: its panel's first byte, step and lane.
    @inline(__always)
    func place(_ token: Int, _ channel: Int) -> (panel: Int, step: Int, lane: Int) {
        let steps = isKeys ? paddedChannels : tokens
        let bytes = steps * 2 * coder.bits
        return isKeys
            ? (token / 16 * bytes, channel, token % 16)
            : (channel / 16 * bytes, token, channel % 16)
    }
}
