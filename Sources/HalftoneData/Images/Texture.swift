import Foundation
import HalftoneTensor

/// What covers a figure or the ground of a picture: a level between two colours at each point.
public enum Texture: Sendable, Equatable {
    /// The first colour everywhere.
    case flat
    /// Bands across a direction; both lengths in pixels, the angle in radians.
    case stripes(period: Float, angle: Float)
    /// Squares of a side in pixels.
    case checker(side: Float)
    /// Discs on a square grid, in pixels.
    case dots(period: Float)
    /// From the first colour to the second along a direction over a length in pixels.
    case gradient(length: Float, angle: Float)
    /// Smooth random values on a grid of a spacing in pixels, from a seed of their own.
    case clouds(spacing: Float, seed: UInt64)
    /// Independent random values for each pixel, from a seed of their own.
    case grain(seed: UInt64)

    /// The share of the second colour at a point, 0 to 1.
    func level(_ x: Float, _ y: Float) -> Float {
        switch self {
        case .flat: return 0
        case .stripes(let period, let angle):
            let along = x * cosf(angle) + y * sinf(angle)
            return soft(abs(wrapped(along / period) - 0.5) - 0.25, period)
        case .checker(let side):
            let (u, v) = (wrapped(x / (2 * side)), wrapped(y / (2 * side)))
            return (u < 0.5) == (v < 0.5) ? 0 : 1
        case .dots(let period):
            let (u, v) = (wrapped(x / period) - 0.5, wrapped(y / period) - 0.5)
            return soft(0.3 - (u * u + v * v).squareRoot(), period)
        case .gradient(let length, let angle):
            let along = (x * cosf(angle) + y * sinf(angle)) / length + 0.5
            return min(max(along, 0), 1)
        case .clouds(let spacing, let seed):
            return 0.65 * Self.smooth(x / spacing, y / spacing, seed)
                + 0.35 * Self.smooth(2.1 * x / spacing, 2.1 * y / spacing, seed &+ 1)
        case .grain(let seed):
            return Self.hashed(Int(x.rounded(.down)), Int(y.rounded(.down)), seed)
        }
    }

    private func wrapped(_ value: Float) -> Float { value - value.rounded(.down) }

    /// 1 where a signed share of a period is positive, with an edge one pixel wide.
    private func soft(_ value: Float, _ period: Float) -> Float {
        min(max(value * period + 0.5, 0), 1)
    }

    /// Values at whole points, joined by a cubic that is flat at them.
    private static func smooth(_ x: Float, _ y: Float, _ seed: UInt64) -> Float {
        let (left, top) = (x.rounded(.down), y.rounded(.down))
        let (u, v) = (ease(x - left), ease(y - top))
        let (column, row) = (Int(left), Int(top))
        let above =
            hashed(column, row, seed) * (1 - u) + hashed(column + 1, row, seed) * u
        let below =
            hashed(column, row + 1, seed) * (1 - u) + hashed(column + 1, row + 1, seed) * u
        return above * (1 - v) + below * v
    }

    private static func ease(_ t: Float) -> Float { t * t * (3 - 2 * t) }

    private static func hashed(_ x: Int, _ y: Int, _ seed: UInt64) -> Float {
        var z = seed &+ UInt64(bitPattern: Int64(x)) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9 &+ UInt64(bitPattern: Int64(y))
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Float((z ^ (z >> 31)) >> 40) * 0x1p-24
    }

    /// A random texture that fits a picture of a size in pixels.
    static func random(size: Float, _ random: inout SeededGenerator) -> Texture {
        let angle = random.float(in: 0...Float.pi)
        switch random.below(6) {
        case 0: return .flat
        case 1: return .gradient(length: size * random.float(in: 0.8...1.6), angle: angle)
        case 2: return .clouds(spacing: size * random.float(in: 0.1...0.4), seed: random.next())
        case 3: return .stripes(period: size * random.float(in: 0.2...0.5), angle: angle)
        case 4: return .dots(period: size * random.float(in: 0.15...0.3))
        default: return .grain(seed: random.next())
        }
    }
}
