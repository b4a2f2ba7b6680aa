import HalftoneKernels

extension Tensor {
    /// Images `[…, rows, columns]` of another size.
    ///
    /// - Parameters:
    ///   - rows: Rows of the result.
    ///   - columns: Columns of the result.
    ///   - mode: How values between pixels are found.
    ///   - alignsCorners: Whether the centres of the corner pixels stay in place rather than the
    ///     outer corners; without meaning for nearest and area.
    public func resized2D(
        rows: Int, columns: Int, mode: ResizeMode = .bilinear, alignsCorners: Bool = false
    ) -> Tensor {
        precondition(rank >= 2, "images have rows and columns, not shape \(shape)")
        return filtered(
            .resizing(mode, from: shape[rank - 2], to: rows, alignsCorners: alignsCorners),
            .resizing(mode, from: shape[rank - 1], to: columns, alignsCorners: alignsCorners))
    }

    /// Sequences `[…, length]` of another length; see
    /// ``resized2D(rows:columns:mode:alignsCorners:)``.
    public func resized1D(
        to length: Int, mode: ResizeMode = .bilinear, alignsCorners: Bool = false
    ) -> Tensor {
        unsqueezed(-2).filtered(
            .resizing(.nearest, from: 1, to: 1),
            .resizing(mode, from: shape[rank - 1], to: length, alignsCorners: alignsCorners)
        ).squeezed(-2)
    }

    private func filtered(_ rows: AxisFilter, _ columns: AxisFilter) -> Tensor {
        let planes = shape.dropLast(2).reduce(1, *)
        let value = FloatArray(count: planes * rows.outputLength * columns.outputLength) {
            AxisFilter.apply(
                elements.span, planes: planes, rows: rows, columns: columns, into: &$0,
                pool: .current)
        }
        let result = Array(shape.dropLast(2)) + [rows.outputLength, columns.outputLength]
        let count = count
        return Self.recorded(result, value, from: [self]) { step in
            let upstream = step.takeUpstream()
            let gradient = FloatArray(count: count) {
                AxisFilter.apply(
                    upstream.span, planes: planes, rows: rows.transposed,
                    columns: columns.transposed, into: &$0, pool: .current)
            }
            step.add(gradient, to: 0)
        }
    }

    /// Values of images `[batch, channels, rows, columns]` at positions between pixels.
    ///
    /// Gradients flow to the images and to the positions; at the kinks of the interpolation, that
    /// of a position is the one on the side of larger positions.
    ///
    /// - Parameters:
    ///   - positions: `[batch, …, 2]`, horizontal first, from −1 to 1 across the image.
    ///   - border: What lies outside.
    ///   - alignsCorners: Whether −1 and 1 are the centres of the outermost pixels rather than
    ///     their outer edges.
    /// - Returns: `[batch, channels, …]`.
    public func bilinearSampled(
        at positions: Tensor, border: SampleBorder = .zeros, alignsCorners: Bool = false
    ) -> Tensor {
        precondition(rank == 4, "images have 4 dimensions, not shape \(shape)")
        precondition(
            positions.rank >= 2 && positions.shape[0] == shape[0]
                && positions.shape[positions.rank - 1] == 2,
            "positions \(positions.shape) are not [\(shape[0]), …, 2]")
        let places = Array(positions.shape.dropFirst().dropLast())
        let sampler = BilinearSampler(
            batch: shape[0], channels: shape[1], height: shape[2], width: shape[3],
            points: places.reduce(1, *), border: border, alignsCorners: alignsCorners,
            pool: .current)
        let (x, p) = (elements, positions.elements)
        let value = FloatArray(count: sampler.outputCount) {
            sampler.sample(x.span, at: p.span, into: &$0)
        }
        return Self.recorded([shape[0], shape[1]] + places, value, from: [self, positions]) {
            step in
            let upstream = step.takeUpstream()
            var positionGradient = FloatArray(repeating: 0, count: sampler.positionCount)
            let gradient = FloatArray(count: sampler.inputCount) {
                var span = positionGradient.mutableSpan
                sampler.gradients(
                    x.span, at: p.span, output: upstream.span, intoInput: &$0, positions: &span)
            }
            step.add(gradient, to: 0)
            step.add(positionGradient, to: 1)
        }
    }
}
