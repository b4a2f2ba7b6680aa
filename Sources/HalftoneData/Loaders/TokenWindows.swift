/// A long sequence of tokens cut into windows for learning to predict the next one.
///
/// Window `i` begins at token `i · stride`; its inputs are `length` tokens and its targets the
/// same moved on by one. Tokens that do not fill a last window are left out.
public struct TokenWindows: Sendable, Equatable {
    /// All tokens.
    public let tokens: [Int32]
    /// Inputs in a window.
    public let length: Int
    /// The distance between the starts of windows.
    public let stride: Int

    /// Cuts tokens.
    ///
    /// - Parameters:
    ///   - tokens: Of documents one after another, with what separates them.
    ///   - length: At least 1.
    ///   - stride: At least 1; nil for windows that touch.
    public init(_ tokens: [Int32], length: Int, stride: Int? = nil) {
        precondition(length > 0 && (stride ?? 1) > 0, "windows of \(length)")
        self.tokens = tokens
        self.length = length
        self.stride = stride ?? length
    }

    /// The number of whole windows.
    public var count: Int {
        tokens.count <= length ? 0 : (tokens.count - length - 1) / stride + 1
    }

    /// Windows side by side.
    ///
    /// - Parameter indices: Below ``count``.
    /// - Returns: Inputs and targets, each `[indices.count, length]`.
    public func batch(_ indices: [Int]) -> (inputs: [Int32], targets: [Int32]) {
        var inputs: [Int32] = []
        var targets: [Int32] = []
        inputs.reserveCapacity(indices.count * length)
        targets.reserveCapacity(indices.count * length)
        for index in indices {
            precondition(index >= 0 && index < count, "window \(index) of \(count)")
            let start = index * stride
            inputs.append(contentsOf: tokens[start..<start + length])
            targets.append(contentsOf: tokens[start + 1...start + length])
        }
        return (inputs, targets)
    }
}
