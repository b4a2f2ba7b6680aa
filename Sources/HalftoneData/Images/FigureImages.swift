import HalftoneTensor

/// Endless pictures of one figure each, for learning to tell figures apart.
///
/// Place, size, turn, colours, ground, noise and what lies in front are random, so only the form
/// tells the class. A picture is made from the seed, the split and its index alone.
public struct FigureImages: Sendable {
    /// Which pictures a stream holds; two streams of one seed share nothing but their settings.
    public enum Split: UInt64, Sendable { case training = 11, heldOut = 12 }

    /// What stands for each class.
    public var forms: [Scene.Form]
    /// Rows and columns.
    public var size: Int
    /// 3 for colour, 1 for grey.
    public var channels: Int
    /// The radius of figures as a share of the size.
    public var radius: ClosedRange<Float> = 0.22...0.42
    /// The most that figures are turned either way, in radians.
    public var turn: Float = .pi
    /// The range of width over height.
    public var aspect: ClosedRange<Float> = 0.85...1.18
    /// The least distance in brightness between figure and ground, 0 to 1.
    public var contrast: Float = 0.3
    /// Whether the ground has a texture.
    public var hasTexture = true
    /// The standard deviation of the noise of each value.
    public var noise: Float = 0.04
    /// How probable it is that a bar lies in front of the figure.
    public var occlusion: Double = 0.25

    /// The seed of all pictures.
    public let seed: UInt64

    /// Pictures of figures, ``ShapeKind`` by ``ShapeKind``.
    ///
    /// - Parameters:
    ///   - shapes: What stands for each class, in the order of the labels.
    ///   - size: Rows and columns, at least 8.
    ///   - channels: 1 or 3.
    ///   - seed: Equal seeds give equal pictures.
    public init(
        shapes: [ShapeKind] = Array(ShapeKind.allCases.prefix(12)), size: Int = 32,
        channels: Int = 3, seed: UInt64
    ) {
        self.init(forms: shapes.map { .shape($0) }, size: size, channels: channels, seed: seed)
    }

    /// Pictures of digits and capitals, upright and thick enough to read.
    ///
    /// - Parameters:
    ///   - characters: Of "0" to "9" and "A" to "Z"; others are a mistake of the caller.
    ///   - size: Rows and columns, at least 8.
    ///   - channels: 1 or 3.
    ///   - seed: Equal seeds give equal pictures.
    public init(
        characters: String, size: Int = 28, channels: Int = 1, seed: UInt64
    ) {
        precondition(
            characters.allSatisfy { GlyphFont.lines(of: $0) != nil },
            "the font has digits and capitals, not all of “\(characters)”")
        self.init(
            forms: characters.map { .glyph($0) }, size: size, channels: channels, seed: seed)
        radius = 0.34...0.46
        turn = 0.3
        aspect = 0.75...1.3
        occlusion = 0
    }

    private init(forms: [Scene.Form], size: Int, channels: Int, seed: UInt64) {
        precondition(size >= 8, "pictures of \(size) rows show nothing")
        precondition(channels == 1 || channels == 3, "\(channels) channels")
        precondition(!forms.isEmpty, "pictures of no class")
        self.forms = forms
        self.size = size
        self.channels = channels
        self.seed = seed
    }

    /// Pictures one after another; the classes come in random order, each as probable as others.
    ///
    /// - Parameters:
    ///   - range: Indices of at least 0.
    ///   - split: Which stream of the seed.
    /// - Complexity: About 20 µs for a picture of 32 × 32.
    public func batch(_ range: Range<Int>, of split: Split = .training) -> LabelledImages {
        var pixels: [Float] = []
        pixels.reserveCapacity(range.count * channels * size * size)
        var labels: [Int32] = []
        for index in range {
            let (scene, label, generator) = scene(at: index, of: split)
            var random = generator
            let picture = scene.rendered(height: size, width: size)
            let clean = channels == 3 ? picture.pixels : picture.gray
            for value in clean {
                pixels.append(min(max(value + noise * Self.bell(&random), 0), 1))
            }
            labels.append(Int32(truncatingIfNeeded: label))
        }
        return LabelledImages(
            count: range.count, channels: channels, height: size, width: size, pixels: pixels,
            labels: labels)
    }

    /// The scene of a picture before noise, and its class.
    public func scene(at index: Int, of split: Split = .training) -> (scene: Scene, label: Int) {
        let (scene, label, _) = scene(at: index, of: split)
        return (scene, label)
    }

    private func scene(
        at index: Int, of split: Split
    ) -> (scene: Scene, label: Int, random: SeededGenerator) {
        var random = SeededGenerator(
            seed: seed, stream: split.rawValue, index: UInt64(bitPattern: Int64(index)))
        let label = random.below(forms.count)
        let ground = Self.color(&random)
        let color = Self.color(awayFrom: ground, by: contrast, &random)
        let side = Float(size)
        let texture = hasTexture ? Texture.random(size: side, &random) : .flat
        var scene = Scene(
            ground: ground, secondGround: Self.color(near: ground, contrast / 2, &random),
            texture: texture)
        let radius = side * random.float(in: radius)
        let room = max(side / 2 - radius, 0) + 0.1 * radius
        let center = SIMD2(
            side / 2 + random.float(in: -1...1) * room, side / 2 + random.float(in: -1...1) * room)
        scene.figures.append(
            Scene.Figure(
                form: forms[label], center: center, radius: radius,
                angle: random.float(in: -1...1) * turn, aspect: random.float(in: aspect),
                color: color, secondColor: Self.second(forms[label], color, ground)))
        if random.chance(occlusion) {
            let bar = Self.color(near: ground, 0.4, &random)
            let offset = SIMD2(random.float(in: -1...1), random.float(in: -1...1)) * radius * 0.7
            scene.figures.append(
                Scene.Figure(
                    form: .shape(.bar), center: center + offset, radius: radius * 0.9,
                    angle: random.float(in: 0...Float.pi), aspect: 1, color: bar))
            scene.figures[1].aspect = 1.2
        }
        return (scene, label, random)
    }

    /// The second colour of striped and checked figures: the ground's.
    private static func second(
        _ form: Scene.Form, _ color: SIMD3<Float>, _ ground: SIMD3<Float>
    ) -> SIMD3<Float> {
        form == .shape(.stripes) || form == .shape(.checker) ? ground : color
    }

    static func color(_ random: inout SeededGenerator) -> SIMD3<Float> {
        SIMD3(random.float(in: 0...1), random.float(in: 0...1), random.float(in: 0...1))
    }

    private static func color(
        near color: SIMD3<Float>, _ distance: Float, _ random: inout SeededGenerator
    ) -> SIMD3<Float> {
        let moved = color + (self.color(&random) * 2 - 1) * distance
        return moved.clamped(lowerBound: .zero, upperBound: .one)
    }

    private static func brightness(_ color: SIMD3<Float>) -> Float {
        (color * SIMD3(0.299, 0.587, 0.114)).sum()
    }

    private static func color(
        awayFrom ground: SIMD3<Float>, by contrast: Float, _ random: inout SeededGenerator
    ) -> SIMD3<Float> {
        for _ in 0..<64 {
            let color = color(&random)
            if abs(brightness(color) - brightness(ground)) >= contrast { return color }
        }
        return brightness(ground) > 0.5 ? .zero : .one
    }

    /// A sum of twelve even numbers less six: mean 0, deviation 1, the same bits everywhere.
    private static func bell(_ random: inout SeededGenerator) -> Float {
        var sum: Float = -6
        for _ in 0..<3 {
            let bits = random.next()
            for shift in [0, 16, 32, 48] as [UInt64] {
                sum += (Float((bits >> shift) & 0xFFFF) + 0.5) * 0x1p-16
            }
        }
        return sum
    }
}
