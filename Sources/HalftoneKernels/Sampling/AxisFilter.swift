/// A linear map along one axis in which each output is a short weighted sum of inputs.
///
/// Resizing, whatever the interpolation, is one such map per axis, and its gradient is the
/// transposed map.
public struct AxisFilter: Sendable, Equatable {
    /// The number of inputs.
    public let inputLength: Int
    /// Where each output's taps start; one more than there are outputs.
    private let starts: [Int]
    private let positions: [Int32]
    private let weights: [Float]

    /// A map from the taps of each output.
    ///
    /// - Parameters:
    ///   - inputLength: The number of inputs.
    ///   - taps: For each output, positions within the input and their weights.
    public init(inputLength: Int, taps: [[(position: Int, weight: Float)]]) {
        self.inputLength = inputLength
        var starts = [0]
        var positions: [Int32] = []
        var weights: [Float] = []
        for output in taps {
            for tap in output {
                precondition(tap.position >= 0 && tap.position < inputLength)
                positions.append(Int32(tap.position))
                weights.append(tap.weight)
            }
            starts.append(positions.count)
        }
        self.starts = starts
        self.positions = positions
        self.weights = weights
    }

    /// The number of outputs.
    public var outputLength: Int { starts.count - 1 }

    /// The map with inputs and outputs exchanged.
    public var transposed: AxisFilter {
        var taps = [[(position: Int, weight: Float)]](repeating: [], count: inputLength)
        for output in 0..<outputLength {
            for tap in starts[output]..<starts[output + 1] {
                taps[Int(positions[tap])].append((output, weights[tap]))
            }
        }
        return AxisFilter(inputLength: outputLength, taps: taps)
    }

    /// Applies one map to the rows and one to the columns of images.
    ///
    /// - Parameters:
    ///   - input: `[planes, rows.inputLength, columns.inputLength]`.
    ///   - planes: The number of images.
    ///   - rows: Maps along the vertical axis.
    ///   - columns: Maps along the horizontal axis.
    ///   - output: `[planes, rows.outputLength, columns.outputLength]`, overwritten.
    ///   - pool: The threads to use; they do not change the result.
    public static func apply(
        _ input: Span<Float>, planes: Int, rows: AxisFilter, columns: AxisFilter,
        into output: inout MutableSpan<Float>, pool: WorkerPool
    ) {
        let (height, width) = (rows.inputLength, columns.inputLength)
        let (outHeight, outWidth) = (rows.outputLength, columns.outputLength)
        precondition(input.count == planes * height * width)
        precondition(output.count == planes * outHeight * outWidth)
        guard output.count > 0 else { return }
        let grain = max(1, 16384 / max(1, height * width + outHeight * outWidth))
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                nonisolated(unsafe) let (x, y) = (input.baseAddress, output.baseAddress!)
                pool.split(planes, grain: grain) { range in
                    var memory = Scratch([outHeight * width])
                    let middle = unsafe memory.take(outHeight * width)
                    for plane in range {
                        unsafe rows.applyToRows(
                            x.map { unsafe $0 + plane * height * width }, middle, width)
                        unsafe columns.applyToColumns(
                            middle, y + plane * outHeight * outWidth, outHeight)
                    }
                }
            }
        }
    }

    /// Each output row is a weighted sum of whole input rows.
    @unsafe
    private func applyToRows(
        _ input: UnsafePointer<Float>?, _ output: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        for row in 0..<outputLength {
            let target = unsafe output + row * width
            for column in 0..<width { unsafe target[column] = 0 }
            guard let input = unsafe input else { continue }
            for tap in starts[row]..<starts[row + 1] {
                let weight = weights[tap]
                let source = unsafe input + Int(positions[tap]) * width
                unsafe FloatRun.map(target, with: source, count: width) { $0 + $1 * weight }
            }
        }
    }

    /// Each output column gathers from the columns of its row.
    @unsafe
    private func applyToColumns(
        _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ rows: Int
    ) {
        unsafe starts.withUnsafeBufferPointer { starts in
            unsafe positions.withUnsafeBufferPointer { positions in
                unsafe weights.withUnsafeBufferPointer { weights in
                    for row in 0..<rows {
                        let source = unsafe input + row * inputLength
                        let target = unsafe output + row * outputLength
                        for column in 0..<outputLength {
                            var sum: Float = 0
                            for tap in unsafe starts[column]..<starts[column + 1] {
                                unsafe sum += source[Int(positions[tap])] * weights[tap]
                            }
                            unsafe target[column] = sum
                        }
                    }
                }
            }
        }
    }
}
