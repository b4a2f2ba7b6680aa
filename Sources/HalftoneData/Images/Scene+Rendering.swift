import Foundation

/// A rendered scene.
public struct ScenePicture: Sendable, Equatable {
    /// The least rectangle of whole pixels around what can be seen of a figure.
    public struct Box: Sendable, Equatable {
        /// The first column and row.
        public let left, top: Int
        /// Columns and rows.
        public let width, height: Int
    }

    /// The number of rows and columns.
    public let height, width: Int
    /// Red, green and blue, `[3, height, width]`, 0 to 1.
    public let pixels: [Float]
    /// The front figure that covers at least half of each pixel, `[height, width]`.
    ///
    /// Figures count from 1 in the scene's order; 0 is the ground.
    public let figureMap: [Int32]

    /// Whether each pixel shows a figure.
    ///
    /// - Parameter figure: Its index in the scene.
    public func mask(of figure: Int) -> [Bool] {
        figureMap.map { $0 == Int32(truncatingIfNeeded: figure + 1) }
    }

    /// Where a figure can be seen, or nil when it is hidden.
    ///
    /// - Parameter figure: Its index in the scene.
    public func box(of figure: Int) -> Box? {
        let wanted = Int32(truncatingIfNeeded: figure + 1)
        var (left, right, top, bottom) = (width, -1, height, -1)
        for y in 0..<height {
            for x in 0..<width where figureMap[y * width + x] == wanted {
                left = min(left, x)
                right = max(right, x)
                top = min(top, y)
                bottom = max(bottom, y)
            }
        }
        guard right >= 0 else { return nil }
        return Box(left: left, top: top, width: right - left + 1, height: bottom - top + 1)
    }

    /// The pixels as one grey plane, `[height, width]`, with the weights of BT.601.
    public var gray: [Float] {
        let plane = height * width
        return (0..<plane).map {
            0.299 * pixels[$0] + 0.587 * pixels[plane + $0] + 0.114 * pixels[2 * plane + $0]
        }
    }
}

extension Scene {
    /// Draws the scene.
    ///
    /// Edges are smooth: a figure covers a pixel by its signed distance from the pixel's middle,
    /// half at the border and all or nothing half a pixel from it.
    ///
    /// - Parameters:
    ///   - height: Rows, at least 1.
    ///   - width: Columns, at least 1.
    /// - Complexity: O(pixels · corners of the figures that cover them).
    public func rendered(height: Int, width: Int) -> ScenePicture {
        precondition(height > 0 && width > 0, "a picture of \(height) × \(width)")
        let plane = height * width
        var pixels = [Float](repeating: 0, count: 3 * plane)
        for y in 0..<height {
            for x in 0..<width {
                let level = texture.level(Float(x) + 0.5, Float(y) + 0.5)
                let color = ground + (secondGround - ground) * level
                let at = y * width + x
                for channel in 0..<3 { pixels[channel * plane + at] = color[channel] }
            }
        }
        var map = [Int32](repeating: 0, count: plane)
        for (index, figure) in figures.enumerated() {
            let number = Int32(truncatingIfNeeded: index + 1)
            figure.draw(number, height: height, width: width, &pixels, &map)
        }
        return ScenePicture(height: height, width: width, pixels: pixels, figureMap: map)
    }
}

extension Scene.Figure {
    private var outline: Outline {
        switch form {
        case .shape(let kind): kind.outline
        case .glyph(let character):
            .strokes(GlyphFont.lines(of: character) ?? [], halfWidth: 0.16)
        }
    }

    /// The share of the second colour at a point of the turned figure, in pixels.
    private func level(_ point: SIMD2<Float>) -> Float {
        switch form {
        case .shape(.stripes):
            Texture.stripes(period: max(radius * 0.5, 3), angle: 0).level(point.x, point.y)
        case .shape(.checker): Texture.checker(side: max(radius * 0.4, 2)).level(point.x, point.y)
        default: texture.level(point.x, point.y)
        }
    }

    fileprivate func draw(
        _ number: Int32, height: Int, width: Int, _ pixels: inout [Float], _ map: inout [Int32]
    ) {
        let outline = outline
        let (cosine, sine) = (cosf(angle), sinf(angle))
        let reach = radius * max(1, aspect) * 1.3 + 1
        let columns = Self.columns(center.x, reach, width)
        for y in Self.columns(center.y, reach, height) {
            for x in columns {
                let offset = SIMD2(Float(x) + 0.5, Float(y) + 0.5) - center
                let turned = SIMD2(
                    offset.x * cosine + offset.y * sine, offset.y * cosine - offset.x * sine)
                let unit = turned / SIMD2(radius * aspect, radius)
                let distance = outline.distance(to: unit) * radius * min(1, aspect)
                let cover = min(max(0.5 - distance, 0), 1)
                guard cover > 0 else { continue }
                let paint = color + (secondColor - color) * level(turned)
                let at = y * width + x
                for channel in 0..<3 {
                    let index = channel * height * width + at
                    pixels[index] += (paint[channel] - pixels[index]) * cover * opacity
                }
                if cover >= 0.5 { map[at] = number }
            }
        }
    }

    private static func columns(_ center: Float, _ reach: Float, _ count: Int) -> Range<Int> {
        let first = max(0, Int(max((center - reach).rounded(.down), 0)))
        let last = min(Float(count), (center + reach).rounded(.up))
        return first..<max(first, Int(max(last, 0)))
    }
}
