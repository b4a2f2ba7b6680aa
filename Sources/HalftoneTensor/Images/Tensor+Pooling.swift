import HalftoneKernels

extension Tensor {
    /// The largest pixel of each window of images `[…, rows, columns]`; padding does not count.
    ///
    /// The gradient flows to the first of equal pixels. NaN is larger than anything.
    ///
    /// - Parameters:
    ///   - taps: Rows and columns of a window.
    ///   - stride: Steps from one window to the next; nil for windows side by side.
    ///   - padding: How far windows reach beyond the images, at most half of what a window spans.
    ///   - dilation: Steps from one pixel of a window to the next; 1 for adjacent pixels. A window
    ///     with gaps that holds padding alone gives −∞, and no gradient flows from it.
    public func maxPooled2D(
        _ taps: AxisPair, stride: AxisPair? = nil, padding: ImagePadding = 0,
        dilation: AxisPair = 1
    ) -> Tensor {
        let (vertical, horizontal) = windows(taps, stride ?? taps, padding, dilation)
        return maxPooled(
            Pooling.runs(vertical, length: shape[rank - 2]),
            Pooling.runs(horizontal, length: shape[rank - 1]), step: dilation)
    }

    /// The largest pixel of each of `count` even parts of images `[…, rows, columns]`.
    public func adaptiveMaxPooled2D(to count: AxisPair) -> Tensor {
        maxPooled(
            Pooling.evenRuns(count.vertical, length: shape[rank - 2]),
            Pooling.evenRuns(count.horizontal, length: shape[rank - 1]))
    }

    /// The average of each window of images `[…, rows, columns]`.
    ///
    /// - Parameters:
    ///   - taps: Rows and columns of a window.
    ///   - stride: Steps from one window to the next; nil for windows side by side.
    ///   - padding: How far windows reach beyond the images, at most half a window.
    ///   - countsPadding: Whether the sum is divided by all taps, padding counted as zeros, rather
    ///     than by those within the images.
    public func averagePooled2D(
        _ taps: AxisPair, stride: AxisPair? = nil, padding: ImagePadding = 0,
        countsPadding: Bool = true
    ) -> Tensor {
        let (vertical, horizontal) = windows(taps, stride ?? taps, padding)
        let rows = Pooling.runs(vertical, length: shape[rank - 2])
        let columns = Pooling.runs(horizontal, length: shape[rank - 1])
        guard countsPadding else { return averagePooled(rows, columns) }
        return averagePooled(
            rows, columns, [Float](repeating: 1 / Float(taps.vertical), count: rows.count),
            [Float](repeating: 1 / Float(taps.horizontal), count: columns.count))
    }

    /// The average of each of `count` even parts of images `[…, rows, columns]`.
    public func adaptiveAveragePooled2D(to count: AxisPair) -> Tensor {
        averagePooled(
            Pooling.evenRuns(count.vertical, length: shape[rank - 2]),
            Pooling.evenRuns(count.horizontal, length: shape[rank - 1]))
    }

    /// The average of each image: `[batch, channels]` of `[batch, channels, rows, columns]`.
    public func globalAveragePooled2D() -> Tensor {
        adaptiveAveragePooled2D(to: 1).reshaped(Array(shape.dropLast(2)))
    }

    /// The largest pixel of each image: `[batch, channels]` of `[batch, channels, rows, columns]`.
    public func globalMaxPooled2D() -> Tensor {
        adaptiveMaxPooled2D(to: 1).reshaped(Array(shape.dropLast(2)))
    }

    /// The largest element of each window of sequences `[…, length]`; see
    /// ``maxPooled2D(_:stride:padding:dilation:)``.
    public func maxPooled1D(
        _ taps: Int, stride: Int? = nil, padding: (before: Int, after: Int) = (0, 0),
        dilation: Int = 1
    ) -> Tensor {
        unsqueezed(-2).maxPooled2D(
            AxisPair(1, taps), stride: AxisPair(1, stride ?? taps),
            padding: ImagePadding(top: 0, bottom: 0, left: padding.before, right: padding.after),
            dilation: AxisPair(1, dilation)
        ).squeezed(-2)
    }

    /// The average of each window of sequences `[…, length]`; see
    /// ``averagePooled2D(_:stride:padding:countsPadding:)``.
    public func averagePooled1D(
        _ taps: Int, stride: Int? = nil, padding: (before: Int, after: Int) = (0, 0),
        countsPadding: Bool = true
    ) -> Tensor {
        unsqueezed(-2).averagePooled2D(
            AxisPair(1, taps), stride: AxisPair(1, stride ?? taps),
            padding: ImagePadding(top: 0, bottom: 0, left: padding.before, right: padding.after),
            countsPadding: countsPadding
        ).squeezed(-2)
    }

    private func windows(
        _ taps: AxisPair, _ stride: AxisPair, _ padding: ImagePadding, _ dilation: AxisPair = 1
    ) -> (Window, Window) {
        precondition(rank >= 2, "images have rows and columns, not shape \(shape)")
        let vertical = Window(
            taps: taps.vertical, stride: stride.vertical, dilation: dilation.vertical,
            before: padding.top, after: padding.bottom)
        let horizontal = Window(
            taps: taps.horizontal, stride: stride.horizontal, dilation: dilation.horizontal,
            before: padding.left, after: padding.right)
        precondition(
            Swift.max(padding.top, padding.bottom) * 2 <= vertical.extent
                && Swift.max(padding.left, padding.right) * 2 <= horizontal.extent,
            "padding is at most half a window, or windows would hold nothing")
        return (vertical, horizontal)
    }

    private func pooling(
        _ rows: [Range<Int>], _ columns: [Range<Int>], step: AxisPair = 1
    ) -> Pooling {
        precondition(rank >= 2, "images have rows and columns, not shape \(shape)")
        return Pooling(
            planes: shape.dropLast(2).reduce(1, *), height: shape[rank - 2],
            width: shape[rank - 1], rows: rows, columns: columns, rowStep: step.vertical,
            columnStep: step.horizontal, pool: .current)
    }

    private func maxPooled(
        _ rows: [Range<Int>], _ columns: [Range<Int>], step: AxisPair = 1
    ) -> Tensor {
        let pooling = pooling(rows, columns, step: step)
        var positions = [Int32](repeating: 0, count: pooling.outputCount)
        let value = FloatArray(count: pooling.outputCount) {
            var span = positions.mutableSpan
            pooling.maximum(elements.span, into: &$0, positions: &span)
        }
        let places = positions
        let result = Array(shape.dropLast(2)) + [rows.count, columns.count]
        return Self.recorded(result, value, from: [self]) { step in
            let upstream = step.takeUpstream()
            let gradient = FloatArray(count: pooling.inputCount) {
                pooling.maximumGradient(upstream.span, positions: places.span, into: &$0)
            }
            step.add(gradient, to: 0)
        }
    }

    private func averagePooled(
        _ rows: [Range<Int>], _ columns: [Range<Int>], _ rowFactors: [Float]? = nil,
        _ columnFactors: [Float]? = nil
    ) -> Tensor {
        let pooling = pooling(rows, columns)
        let rowFactors = rowFactors ?? rows.map { 1 / Float($0.count) }
        let columnFactors = columnFactors ?? columns.map { 1 / Float($0.count) }
        let value = FloatArray(count: pooling.outputCount) {
            pooling.average(
                elements.span, rowFactors: rowFactors, columnFactors: columnFactors, into: &$0)
        }
        let result = Array(shape.dropLast(2)) + [rows.count, columns.count]
        return Self.recorded(result, value, from: [self]) { step in
            let upstream = step.takeUpstream()
            let gradient = FloatArray(count: pooling.inputCount) {
                pooling.averageGradient(
                    upstream.span, rowFactors: rowFactors, columnFactors: columnFactors, into: &$0)
            }
            step.add(gradient, to: 0)
        }
    }
}
