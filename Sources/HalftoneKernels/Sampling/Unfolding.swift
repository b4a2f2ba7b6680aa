/// Windows of images laid side by side as columns, and columns summed back into images.
///
/// Images are `[batch, channels, height, width]`; columns are
/// `[batch, channels · vertical taps · horizontal taps, output rows · output columns]`, so that a
/// convolution is a matrix product with them. Each channel is computed by itself, so that the
/// result does not depend on the number of threads.
public struct Unfolding: Sendable {
    /// Images times channels.
    public let planes: Int
    /// Rows and columns of an image.
    public let height, width: Int
    /// The window over the rows.
    public let vertical: Window
    /// The window over the columns.
    public let horizontal: Window
    /// The threads to use.
    public let pool: WorkerPool

    /// Describes an unfolding.
    public init(
        planes: Int, height: Int, width: Int, vertical: Window, horizontal: Window,
        pool: WorkerPool
    ) {
        precondition(planes >= 0 && height >= 0 && width >= 0)
        self.planes = planes
        self.height = height
        self.width = width
        self.vertical = vertical
        self.horizontal = horizontal
        self.pool = pool
    }

    /// Elements of the images.
    public var imageCount: Int { planes * height * width }
    /// Columns: how often the window fits.
    public var places: Int { vertical.outputLength(height) * horizontal.outputLength(width) }
    /// Elements of the columns.
    public var columnCount: Int { planes * vertical.taps * horizontal.taps * places }

    /// Copies each window into a column; the padding gives zeros.
    ///
    /// - Parameters:
    ///   - images: `[batch, channels, height, width]`.
    ///   - columns: `[batch, channels · taps, places]`, overwritten.
    public func unfold(_ images: Span<Float>, into columns: inout MutableSpan<Float>) {
        precondition(images.count == imageCount && columns.count == columnCount)
        unsafe images.withUnsafeBufferPointer { images in
            unsafe columns.withUnsafeMutableBufferPointer { columns in
                nonisolated(unsafe) let (x, y) = unsafe (images, columns)
                pool.split(planes, grain: grain) { range in
                    for index in range.lowerBound * taps * places..<range.upperBound * taps * places
                    {
                        unsafe y[index] = 0
                    }
                    for plane in range {
                        visit(plane) { image, column in unsafe y[column] = x[image] }
                    }
                }
            }
        }
    }

    /// Adds each column to its window; what falls into the padding is dropped.
    ///
    /// - Parameters:
    ///   - columns: `[batch, channels · taps, places]`.
    ///   - images: `[batch, channels, height, width]`, overwritten.
    public func fold(_ columns: Span<Float>, into images: inout MutableSpan<Float>) {
        precondition(images.count == imageCount && columns.count == columnCount)
        unsafe columns.withUnsafeBufferPointer { columns in
            unsafe images.withUnsafeMutableBufferPointer { images in
                nonisolated(unsafe) let (x, y) = unsafe (images, columns)
                pool.split(planes, grain: grain) { range in
                    for index in range.lowerBound * height * width..<range.upperBound * height
                        * width
                    {
                        unsafe x[index] = 0
                    }
                    for plane in range {
                        visit(plane) { image, column in unsafe x[image] += y[column] }
                    }
                }
            }
        }
    }

    private var taps: Int { vertical.taps * horizontal.taps }

    private var grain: Int { max(1, 16384 / max(1, taps * places)) }

    /// Visits all pairs of image and column elements that belong together, in a fixed order.
    @inline(__always)
    private func visit(_ plane: Int, _ body: (Int, Int) -> Void) {
        let outHeight = vertical.outputLength(height)
        let outWidth = horizontal.outputLength(width)
        for i in 0..<vertical.taps {
            for j in 0..<horizontal.taps {
                let start = ((plane * vertical.taps + i) * horizontal.taps + j) * places
                for row in 0..<outHeight {
                    let y = vertical.position(output: row, tap: i)
                    guard y >= 0, y < height else { continue }
                    let source = (plane * height + y) * width
                    for column in 0..<outWidth {
                        let x = horizontal.position(output: column, tap: j)
                        guard x >= 0, x < width else { continue }
                        body(source &+ x, start &+ row &* outWidth &+ column)
                    }
                }
            }
        }
    }
}
