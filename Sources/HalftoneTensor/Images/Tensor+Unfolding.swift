import HalftoneKernels

extension Tensor {
    /// The windows of images side by side as columns.
    ///
    /// - Parameters:
    ///   - taps: Rows and columns of a window.
    ///   - stride: Steps of the images from one window to the next.
    ///   - padding: Zeros around the images.
    ///   - dilation: Steps of the images from one tap to the next.
    /// - Returns: `[batch, channels · taps, places]` of images `[batch, channels, rows, columns]`:
    ///   taps in the order of a convolution's weight, places row by row.
    public func unfolded2D(
        _ taps: AxisPair, stride: AxisPair = 1, padding: ImagePadding = 0, dilation: AxisPair = 1
    ) -> Tensor {
        precondition(rank == 4, "images have 4 dimensions, not shape \(shape)")
        let unfolding = Self.unfolding(
            shape[0] * shape[1], shape[2], shape[3], taps, stride, padding, dilation)
        let value = FloatArray(count: unfolding.columnCount) {
            unfolding.unfold(elements.span, into: &$0)
        }
        let result = [shape[0], shape[1] * taps.vertical * taps.horizontal, unfolding.places]
        return Self.recorded(result, value, from: [self]) { step in
            let upstream = step.takeUpstream()
            let gradient = FloatArray(count: unfolding.imageCount) {
                unfolding.fold(upstream.span, into: &$0)
            }
            step.add(gradient, to: 0)
        }
    }

    /// The sum of columns laid back into images: the transpose of
    /// ``unfolded2D(_:stride:padding:dilation:)``.
    ///
    /// - Parameters:
    ///   - rows: Rows of the images.
    ///   - columns: Columns of the images.
    ///   - taps: As in unfolding, like all that follows.
    ///   - stride: Steps of the images from one window to the next.
    ///   - padding: What is dropped around the images.
    ///   - dilation: Steps of the images from one tap to the next.
    /// - Returns: `[batch, channels, rows, columns]` of `[batch, channels · taps, places]`.
    public func folded2D(
        rows: Int, columns: Int, taps: AxisPair, stride: AxisPair = 1, padding: ImagePadding = 0,
        dilation: AxisPair = 1
    ) -> Tensor {
        precondition(rank == 3, "columns have 3 dimensions, not shape \(shape)")
        let size = taps.vertical * taps.horizontal
        precondition(shape[1] % size == 0, "\(size) taps do not divide shape \(shape)")
        let channels = shape[1] / size
        let unfolding = Self.unfolding(
            shape[0] * channels, rows, columns, taps, stride, padding, dilation)
        precondition(
            unfolding.places == shape[2],
            "images of \(rows) × \(columns) have \(unfolding.places) places, not \(shape[2])")
        let value = FloatArray(count: unfolding.imageCount) {
            unfolding.fold(elements.span, into: &$0)
        }
        return Self.recorded([shape[0], channels, rows, columns], value, from: [self]) { step in
            let upstream = step.takeUpstream()
            let gradient = FloatArray(count: unfolding.columnCount) {
                unfolding.unfold(upstream.span, into: &$0)
            }
            step.add(gradient, to: 0)
        }
    }

    private static func unfolding(
        _ planes: Int, _ height: Int, _ width: Int, _ taps: AxisPair, _ stride: AxisPair,
        _ padding: ImagePadding, _ dilation: AxisPair
    ) -> Unfolding {
        Unfolding(
            planes: planes, height: height, width: width,
            vertical: Window(
                taps: taps.vertical, stride: stride.vertical, dilation: dilation.vertical,
                before: padding.top, after: padding.bottom),
            horizontal: Window(
                taps: taps.horizontal, stride: stride.horizontal, dilation: dilation.horizontal,
                before: padding.left, after: padding.right),
            pool: .current)
    }

    /// Channels spread out in space: `[batch, channels, rows · factor, columns · factor]` of
    /// `[batch, channels · factor², rows, columns]`.
    ///
    /// Source: W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
    /// Sub-Pixel Convolutional Neural Network", arXiv:1609.05158, equation 4.
    public func pixelShuffled(_ factor: Int) -> Tensor {
        precondition(rank == 4, "images have 4 dimensions, not shape \(shape)")
        precondition(
            factor >= 1 && shape[1] % (factor * factor) == 0,
            "\(factor)² does not divide \(shape[1]) channels")
        let channels = shape[1] / (factor * factor)
        return reshaped([shape[0], channels, factor, factor, shape[2], shape[3]])
            .transposed([0, 1, 4, 2, 5, 3])
            .reshaped([shape[0], channels, shape[2] * factor, shape[3] * factor])
    }

    /// Space gathered into channels; undoes ``pixelShuffled(_:)``.
    public func pixelUnshuffled(_ factor: Int) -> Tensor {
        precondition(rank == 4, "images have 4 dimensions, not shape \(shape)")
        precondition(
            factor >= 1 && shape[2] % factor == 0 && shape[3] % factor == 0,
            "\(factor) does not divide images of shape \(shape)")
        let (rows, columns) = (shape[2] / factor, shape[3] / factor)
        return reshaped([shape[0], shape[1], rows, factor, columns, factor])
            .transposed([0, 1, 3, 5, 2, 4])
            .reshaped([shape[0], shape[1] * factor * factor, rows, columns])
    }
}
