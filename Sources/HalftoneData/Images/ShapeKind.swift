/// A kind of figure that pictures show; the raw value is its class.
public enum ShapeKind: Int, Sendable, CaseIterable {
    case circle, square, triangle, star, cross, ring, crescent, heart, arrow, hexagon
    /// A square of parallel stripes.
    case stripes
    /// A square of two colours in a checker pattern.
    case checker
    case diamond, pentagon, bar, lShape, tShape

    /// The figure with its outermost points at a distance of about 1 from the origin.
    var outline: Outline {
        switch self {
        case .circle: .disc
        case .square, .stripes, .checker: Self.box(0.8, 0.8)
        case .triangle: .regular(3)
        case .star: .regular(5, inner: 0.42)
        case .cross:
            Self.polygon([
                (-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1),
                (-0.3, 1), (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3),
            ])
        case .ring: .ring(inner: 0.6)
        case .crescent: .crescent
        case .heart:
            Self.polygon([
                (0, 0.95), (-0.55, 0.45), (-0.9, 0), (-0.95, -0.35), (-0.8, -0.65), (-0.5, -0.75),
                (-0.2, -0.65), (0, -0.4), (0.2, -0.65), (0.5, -0.75), (0.8, -0.65), (0.95, -0.35),
                (0.9, 0), (0.55, 0.45),
            ])
        case .arrow:
            Self.polygon([
                (0, -1), (0.75, -0.15), (0.28, -0.15), (0.28, 1), (-0.28, 1), (-0.28, -0.15),
                (-0.75, -0.15),
            ])
        case .hexagon: .regular(6)
        case .diamond: Self.polygon([(0, -1), (0.55, 0), (0, 1), (-0.55, 0)])
        case .pentagon: .regular(5)
        case .bar: Self.box(0.95, 0.28)
        case .lShape:
            Self.polygon([
                (-0.6, -0.9), (-0.1, -0.9), (-0.1, 0.4), (0.7, 0.4), (0.7, 0.9), (-0.6, 0.9),
            ])
        case .tShape:
            Self.polygon([
                (-0.8, -0.8), (0.8, -0.8), (0.8, -0.3), (0.25, -0.3), (0.25, 0.9), (-0.25, 0.9),
                (-0.25, -0.3), (-0.8, -0.3),
            ])
        }
    }

    private static func box(_ x: Float, _ y: Float) -> Outline {
        polygon([(-x, -y), (x, -y), (x, y), (-x, y)])
    }

    private static func polygon(_ corners: [(Float, Float)]) -> Outline {
        .polygon(corners.map { SIMD2($0.0, $0.1) })
    }
}
