/// What lies outside of an image that is sampled.
public enum SampleBorder: Sendable, Hashable, CaseIterable {
    /// Zeros.
    case zeros
    /// The nearest pixel of the border.
    case border
    /// The image mirrored, about the border pixels' centres when corners are aligned and about
    /// their outer edges when not.
    case reflection
}

/// Values of images between pixels, at positions that may be learned.
///
/// Images are `[batch, channels, height, width]`. Positions are `[batch, points, 2]`, horizontal
/// first, from −1 to 1: with aligned corners these are the centres of the first and last pixel,
/// else the outer edges of the image. A position that is not finite samples the middle of nothing:
/// zeros with ``SampleBorder/zeros``, else the pixel at 0. Each image is computed by itself, so
/// that the result does not depend on the number of threads.
///
/// Source: M. Jaderberg et al., "Spatial Transformer Networks", arXiv:1506.02025, equations 5 to 7.
public struct BilinearSampler: Sendable {
    /// Images.
    public let batch: Int
    /// Channels of each image.
    public let channels: Int
    /// Rows and columns of an image.
    public let height, width: Int
    /// Positions for each image.
    public let points: Int
    /// What lies outside.
    public let border: SampleBorder
    /// Whether −1 and 1 are the centres of the outermost pixels.
    public let alignsCorners: Bool
    /// The threads to use.
    public let pool: WorkerPool

    /// Describes a sampling of images of at least one pixel.
    public init(
        batch: Int, channels: Int, height: Int, width: Int, points: Int,
        border: SampleBorder = .zeros, alignsCorners: Bool = false, pool: WorkerPool
    ) {
        precondition(batch >= 0 && channels >= 0 && points >= 0)
        precondition(height >= 1 && width >= 1, "an image without pixels has no values")
        self.batch = batch
        self.channels = channels
        self.height = height
        self.width = width
        self.points = points
        self.border = border
        self.alignsCorners = alignsCorners
        self.pool = pool
    }

    /// Elements of the images.
    public var inputCount: Int { batch * channels * height * width }
    /// Elements of the positions.
    public var positionCount: Int { batch * points * 2 }
    /// Elements of the result.
    public var outputCount: Int { batch * channels * points }

    /// Samples.
    ///
    /// - Parameters:
    ///   - input: `[batch, channels, height, width]`.
    ///   - positions: `[batch, points, 2]`.
    ///   - output: `[batch, channels, points]`, overwritten.
    public func sample(
        _ input: Span<Float>, at positions: Span<Float>, into output: inout MutableSpan<Float>
    ) {
        precondition(input.count == inputCount && positions.count == positionCount)
        precondition(output.count == outputCount)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe positions.withUnsafeBufferPointer { positions in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    nonisolated(unsafe) let (x, p, y) = unsafe (input, positions, output)
                    pool.split(batch, grain: 1) { range in
                        for image in range {
                            let places = unsafe places(image, p)
                            for channel in 0..<channels {
                                let plane = image * channels + channel
                                for (point, place) in places.enumerated() {
                                    unsafe y[plane * points + point] = place.corners.value(
                                        x, plane * height * width)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The gradients of ``sample(_:at:into:)``.
    ///
    /// Where the interpolation has a kink (at pixel centres and borders), the gradient of the
    /// position is that of the side of larger positions.
    ///
    /// - Parameters:
    ///   - input: As it was sampled.
    ///   - positions: Where.
    ///   - output: The gradient of the output, `[batch, channels, points]`.
    ///   - inputGradient: Of the input's shape, overwritten.
    ///   - positionGradient: Of the positions' shape, overwritten.
    public func gradients(
        _ input: Span<Float>, at positions: Span<Float>, output: Span<Float>,
        intoInput inputGradient: inout MutableSpan<Float>,
        positions positionGradient: inout MutableSpan<Float>
    ) {
        precondition(input.count == inputCount && positions.count == positionCount)
        precondition(output.count == outputCount && inputGradient.count == inputCount)
        precondition(positionGradient.count == positionCount)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe positions.withUnsafeBufferPointer { positions in
                unsafe output.withUnsafeBufferPointer { output in
                    unsafe inputGradient.withUnsafeMutableBufferPointer { inputGradient in
                        unsafe positionGradient.withUnsafeMutableBufferPointer { positionGradient in
                            nonisolated(unsafe) let (x, p, g) = unsafe (input, positions, output)
                            nonisolated(unsafe) let dx = unsafe inputGradient
                            nonisolated(unsafe) let dp = unsafe positionGradient
                            pool.split(batch, grain: 1) { range in
                                for image in range { unsafe gradients(image, x, p, g, dx, dp) }
                            }
                        }
                    }
                }
            }
        }
    }

    @unsafe
    private func gradients(
        _ image: Int, _ x: UnsafeBufferPointer<Float>, _ p: UnsafeBufferPointer<Float>,
        _ g: UnsafeBufferPointer<Float>, _ dx: UnsafeMutableBufferPointer<Float>,
        _ dp: UnsafeMutableBufferPointer<Float>
    ) {
        let area = height * width
        for index in image * channels * area..<(image + 1) * channels * area {
            unsafe dx[index] = 0
        }
        for index in image * points * 2..<(image + 1) * points * 2 { unsafe dp[index] = 0 }
        let places = unsafe places(image, p)
        for channel in 0..<channels {
            let plane = image * channels + channel
            for (point, place) in places.enumerated() {
                let upstream = unsafe g[plane * points + point]
                unsafe place.corners.scatter(upstream, dx, plane * area)
                let slope = unsafe place.corners.slope(x, plane * area)
                let index = (image * points + point) * 2
                unsafe dp[index] += upstream * slope.x * place.scale.x
                unsafe dp[index + 1] += upstream * slope.y * place.scale.y
            }
        }
    }
}

extension BilinearSampler {
    /// A position along one axis in pixels, and how it moves with the given one.
    struct Place {
        var position: Float
        var slope: Float
    }

    /// Brings a position from the range of the interface to pixels, and into the image as the
    /// border demands.
    func locate(_ value: Float, _ length: Int) -> Place {
        let size = Float(length)
        let scale = alignsCorners ? (size - 1) / 2 : size / 2
        let position = alignsCorners ? (value + 1) * scale : (value + 1) * scale - 0.5
        switch border {
        case .zeros:
            // Far outside all is zero; the limit keeps the conversion to an integer within range.
            guard position > -2, position < size + 1 else { return Place(position: -2, slope: 0) }
            return Place(position: position, slope: scale)
        case .border:
            return Self.clamped(Place(position: position, slope: scale), size)
        case .reflection:
            let (low, span) = alignsCorners ? (Float(0), size - 1) : (-0.5, size)
            guard span > 0, position.isFinite else { return Place(position: 0, slope: 0) }
            let distance = abs(position - low)
            let turns = (distance / span).rounded(.down)
            let rest = distance - turns * span
            let isBackward = turns.truncatingRemainder(dividingBy: 2) != 0
            let sign: Float = (position < low) != isBackward ? -1 : 1
            let mirrored = isBackward ? span - rest + low : rest + low
            return Self.clamped(Place(position: mirrored, slope: sign * scale), size)
        }
    }

    private static func clamped(_ place: Place, _ size: Float) -> Place {
        // Written so that NaN goes to 0.
        guard place.position >= 0 else { return Place(position: 0, slope: 0) }
        guard place.position < size - 1 else { return Place(position: size - 1, slope: 0) }
        return place
    }

    /// The four pixels around a position, −1 where there is none, and their weights.
    struct Corners {
        var indices: SIMD4<Int32>
        var right, down: Float
        /// Whether all four exist.
        var isInside: Bool

        /// The image's value there.
        @unsafe
        func value(_ x: UnsafeBufferPointer<Float>, _ offset: Int) -> Float {
            let v = unsafe values(x, offset)
            let top = v[0] * (1 - right) + v[1] * right
            let bottom = v[2] * (1 - right) + v[3] * right
            return top * (1 - down) + bottom * down
        }

        /// How the value changes with the position.
        @unsafe
        func slope(_ x: UnsafeBufferPointer<Float>, _ offset: Int) -> (x: Float, y: Float) {
            let v = unsafe values(x, offset)
            return (
                (v[1] - v[0]) * (1 - down) + (v[3] - v[2]) * down,
                (v[2] - v[0]) * (1 - right) + (v[3] - v[1]) * right
            )
        }

        /// Adds a gradient to the pixels by their weights.
        @unsafe
        func scatter(_ g: Float, _ dx: UnsafeMutableBufferPointer<Float>, _ offset: Int) {
            let weights = SIMD4(
                (1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down)
            for corner in 0..<4 where indices[corner] >= 0 {
                unsafe dx[offset + Int(indices[corner])] += g * weights[corner]
            }
        }

        @unsafe
        private func values(_ x: UnsafeBufferPointer<Float>, _ offset: Int) -> SIMD4<Float> {
            if isInside {
                let (first, width) = (offset &+ Int(indices[0]), Int(indices[2] &- indices[0]))
                return unsafe SIMD4(
                    x[first], x[first &+ 1], x[first &+ width], x[first &+ width &+ 1])
            }
            var result = SIMD4<Float>.zero
            for corner in 0..<4 where indices[corner] >= 0 {
                unsafe result[corner] = x[offset + Int(indices[corner])]
            }
            return result
        }
    }

    /// The pixels around each position of an image, and how pixels move with the position.
    @unsafe
    private func places(
        _ image: Int, _ p: UnsafeBufferPointer<Float>
    ) -> [(corners: Corners, scale: (x: Float, y: Float))] {
        (0..<points).map { point in
            let index = (image * points + point) * 2
            let horizontal = unsafe locate(p[index], width)
            let vertical = unsafe locate(p[index + 1], height)
            return (corners(horizontal, vertical), (horizontal.slope, vertical.slope))
        }
    }

    private func corners(_ horizontal: Place, _ vertical: Place) -> Corners {
        let left = horizontal.position.rounded(.down)
        let top = vertical.position.rounded(.down)
        let (column, row) = (Int(left), Int(top))
        var indices = SIMD4<Int32>(repeating: -1)
        for corner in 0..<4 {
            let (x, y) = (column + corner % 2, row + corner / 2)
            if x >= 0, x < width, y >= 0, y < height {
                indices[corner] = Int32(truncatingIfNeeded: y * width + x)
            }
        }
        return Corners(
            indices: indices, right: horizontal.position - left, down: vertical.position - top,
            isInside: indices.min() >= 0)
    }
}
