/// How a window of taps moves along one axis: of a convolution, a pooling or an unfolding.
public struct Window: Sendable, Hashable {
    /// Taps of the window, at least 1.
    public var taps: Int
    /// Steps of the input from one output to the next, at least 1.
    public var stride: Int
    /// Steps of the input from one tap to the next, at least 1; 1 means adjacent taps.
    public var dilation: Int
    /// Positions added before the first of the input, at least 0.
    public var before: Int
    /// Positions added after the last of the input, at least 0.
    public var after: Int

    /// Describes a window.
    public init(
        taps: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0
    ) {
        precondition(
            taps >= 1 && stride >= 1 && dilation >= 1, "taps, stride and dilation are at least 1")
        precondition(before >= 0 && after >= 0, "a padding is not negative")
        self.taps = taps
        self.stride = stride
        self.dilation = dilation
        self.before = before
        self.after = after
    }

    /// A window with the same padding on both sides.
    public init(taps: Int, stride: Int = 1, dilation: Int = 1, padding: Int) {
        self.init(
            taps: taps, stride: stride, dilation: dilation, before: padding, after: padding)
    }

    /// Positions from the first tap to the last, both included.
    public var extent: Int { (taps - 1) * dilation + 1 }

    /// How often the window fits: `(length + before + after − extent) / stride + 1`, rounded
    /// down, or 0 when it does not fit at all.
    public func outputLength(_ length: Int) -> Int {
        let room = length + before + after - extent
        return room < 0 ? 0 : room / stride + 1
    }

    /// The taps of an output that lie within an input.
    ///
    /// - Returns: A range within `0 ..< taps`; empty when all taps lie in the padding.
    public func tapsInside(output: Int, length: Int) -> Range<Int> {
        let first = output * stride - before
        let lower = first >= 0 ? 0 : (-first + dilation - 1) / dilation
        let upper = length <= first ? 0 : (length - first + dilation - 1) / dilation
        let end = min(max(upper, 0), taps)
        return min(lower, end)..<end
    }

    /// The position of a tap in the input; outside of it within the padding.
    public func position(output: Int, tap: Int) -> Int {
        output * stride - before + tap * dilation
    }
}
