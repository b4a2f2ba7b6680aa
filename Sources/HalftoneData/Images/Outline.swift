import Foundation

/// The border of a flat figure around the origin, by its signed distance.
enum Outline: Sendable {
    /// A disc of radius 1.
    case disc
    /// Between two radii.
    case ring(inner: Float)
    /// A disc less a disc of the same size that is moved to the right.
    case crescent
    /// Corners in order, at least three; the border may be concave but does not cross itself.
    case polygon([SIMD2<Float>])
    /// Lines of a half width with round ends.
    case strokes([[SIMD2<Float>]], halfWidth: Float)

    /// How far a point is from the border: negative inside.
    func distance(to point: SIMD2<Float>) -> Float {
        switch self {
        case .disc: return length(point) - 1
        case .ring(let inner):
            let radius = length(point)
            return max(radius - 1, inner - radius)
        case .crescent: return max(length(point) - 1, 0.85 - length(point - SIMD2(0.5, 0)))
        case .polygon(let corners): return Self.distance(to: point, corners)
        case .strokes(let lines, let halfWidth):
            var nearest = Float.infinity
            for line in lines {
                for index in 1..<line.count {
                    nearest = min(nearest, Self.squared(point, line[index - 1], line[index]))
                }
            }
            return nearest.squareRoot() - halfWidth
        }
    }

    /// The square of the distance from a point to a line between two others.
    private static func squared(
        _ point: SIMD2<Float>, _ a: SIMD2<Float>, _ b: SIMD2<Float>
    ) -> Float {
        let (along, toPoint) = (b - a, point - a)
        let full = dot(along, along)
        let share = full > 0 ? min(max(dot(toPoint, along) / full, 0), 1) : 0
        let rest = toPoint - along * share
        return dot(rest, rest)
    }

    /// The distance to the nearest edge; negative where a ray to the right crosses an odd number.
    private static func distance(to point: SIMD2<Float>, _ corners: [SIMD2<Float>]) -> Float {
        var nearest = Float.infinity
        var isInside = false
        var previous = corners[corners.count - 1]
        for corner in corners {
            nearest = min(nearest, squared(point, previous, corner))
            if (corner.y > point.y) != (previous.y > point.y) {
                let x =
                    corner.x
                    + (point.y - corner.y) / (previous.y - corner.y) * (previous.x - corner.x)
                if point.x < x { isInside.toggle() }
            }
            previous = corner
        }
        return isInside ? -nearest.squareRoot() : nearest.squareRoot()
    }

    private static func dot(_ a: SIMD2<Float>, _ b: SIMD2<Float>) -> Float { (a * b).sum() }
    private func length(_ a: SIMD2<Float>) -> Float { (a * a).sum().squareRoot() }
}

extension Outline {
    /// A regular polygon or a star.
    ///
    /// - Parameters:
    ///   - points: The number of outer corners.
    ///   - inner: The radius of the corners between them; nil for none.
    static func regular(_ points: Int, inner: Float? = nil) -> Outline {
        let count = inner == nil ? points : points * 2
        return .polygon(
            (0..<count).map { index in
                let angle = 2 * Double.pi * Double(index) / Double(count) - Double.pi / 2
                let radius = Double(inner.map { index % 2 == 0 ? 1 : $0 } ?? 1)
                return SIMD2(Float(radius * cos(angle)), Float(radius * sin(angle)))
            })
    }
}
