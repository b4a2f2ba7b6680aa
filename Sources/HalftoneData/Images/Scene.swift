/// A picture as what it shows: a ground and figures on it, the later ones in front.
///
/// A scene is a value: move its figures and render it again for a film, remove some for a pair
/// that differs, change a texture for a shift of domain. All lengths are in pixels, y grows
/// downwards, colours are red, green and blue from 0 to 1.
public struct Scene: Sendable, Equatable {
    /// What a figure is drawn as.
    public enum Form: Sendable, Equatable {
        /// A filled figure.
        case shape(ShapeKind)
        /// A digit or a capital drawn with lines.
        case glyph(Character)
    }

    /// One figure.
    public struct Figure: Sendable, Equatable {
        /// What it looks like.
        public var form: Form
        /// The middle, x and y.
        public var center: SIMD2<Float>
        /// The distance of its outermost points from the middle.
        public var radius: Float
        /// How far it is turned clockwise, in radians.
        public var angle: Float
        /// Width over height before it is turned; 1 leaves the figure as it is.
        public var aspect: Float
        /// The colour, and the one that the texture mixes in.
        public var color: SIMD3<Float>
        /// The texture's second colour.
        public var secondColor: SIMD3<Float>
        /// What covers it.
        public var texture: Texture
        /// How much it hides what is behind it, 0 to 1.
        public var opacity: Float

        /// Describes a figure.
        public init(
            form: Form, center: SIMD2<Float>, radius: Float, angle: Float = 0, aspect: Float = 1,
            color: SIMD3<Float>, secondColor: SIMD3<Float>? = nil, texture: Texture = .flat,
            opacity: Float = 1
        ) {
            self.form = form
            self.center = center
            self.radius = radius
            self.angle = angle
            self.aspect = aspect
            self.color = color
            self.secondColor = secondColor ?? color
            self.texture = texture
            self.opacity = opacity
        }
    }

    /// The colour of the ground.
    public var ground: SIMD3<Float>
    /// The second colour of the ground's texture.
    public var secondGround: SIMD3<Float>
    /// What covers the ground.
    public var texture: Texture
    /// The figures from back to front.
    public var figures: [Figure]

    /// Describes a scene.
    public init(
        ground: SIMD3<Float>, secondGround: SIMD3<Float>? = nil, texture: Texture = .flat,
        figures: [Figure] = []
    ) {
        self.ground = ground
        self.secondGround = secondGround ?? ground
        self.texture = texture
        self.figures = figures
    }
}
