import HalftoneFormats

/// The types whose scales are searched.
extension BlockSearch {
    /// What the blocks of a type hold: codes, and scales for each part.
    struct Form {
        /// Values of a part.
        var part: Int
        /// The codes.
        var levels: Levels
        /// The range of the sub-scales; nil for types with one scale, a binary16 number.
        var scales: ClosedRange<Int>?
        /// Whether parts have offsets.
        var hasOffsets = false

        /// The form of a type; nil for those whose encoders do not search.
        init?(_ type: BlockType) {
            let nonlinear = Levels.table(BlockDecoding.nonlinearLevels)
            switch type {
            case .q4_0: self.init(part: 32, levels: .integers(-8...7))
            case .q5_0: self.init(part: 32, levels: .integers(-16...15))
            case .q8_0: self.init(part: 32, levels: .integers(-127...127))
            case .q4_1: self.init(part: 32, levels: .integers(0...15), hasOffsets: true)
            case .q5_1: self.init(part: 32, levels: .integers(0...31), hasOffsets: true)
            case .iq4_NL: self.init(part: 32, levels: nonlinear)
            case .q2_K:
                self.init(part: 16, levels: .integers(0...3), scales: 0...15, hasOffsets: true)
            case .q3_K: self.init(part: 16, levels: .integers(-4...3), scales: -32...31)
            case .q4_K:
                self.init(part: 32, levels: .integers(0...15), scales: 0...63, hasOffsets: true)
            case .q5_K:
                self.init(part: 32, levels: .integers(0...31), scales: 0...63, hasOffsets: true)
            case .q6_K: self.init(part: 16, levels: .integers(-32...31), scales: -128...127)
            case .iq4_XS: self.init(part: 32, levels: nonlinear, scales: -32...31)
            default: return nil
            }
        }

        private init(
            part: Int, levels: Levels, scales: ClosedRange<Int>? = nil, hasOffsets: Bool = false
        ) {
            (self.part, self.levels, self.scales) = (part, levels, scales)
            self.hasOffsets = hasOffsets
        }
    }

    /// The scales and codes of one block that have the least weighted squared error.
    static func block(
        _ x: ArraySlice<Float>, importance: ArraySlice<Float>?, _ form: Form
    ) -> Block {
        if let scales = form.scales {
            return block(
                x, importance: importance, part: form.part, levels: form.levels, scales: scales,
                hasOffsets: form.hasOffsets)
        }
        let part = Part(values: x, importance: importance)
        let fits = form.hasOffsets ? affineFits(part, form.levels) : [signedFit(part, form.levels)]
        let errors = fits.map { error(part, $0, form.levels) }
        let place = errors.count > 1 && errors[1] < errors[0] ? 1 : 0
        let fit = fits[place]
        return Block(
            unit: fit.scale, offsetUnit: fit.offset, scales: [1], offsets: [1],
            codes: codes(part, fit, form.levels), error: errors[place])
    }

    /// The scale of a block of one part, as binary16.
    private static func signedFit(_ part: Part, _ levels: Levels) -> Fit {
        signedFits(part, levels, scales: ScaleCodec(.float16)).best
    }

    /// The covering scale and offset of a block of one part and those of least squares, as binary16.
    private static func affineFits(_ part: Part, _ levels: Levels) -> [Fit] {
        let fits = ScaleFinder(levels, scales: ScaleCodec(.float32)).offsetFits(
            part.values, importance: part.importance, isNeverNegative: false)
        return [fits.cover, fits.best].map {
            Fit(scale: half($0.scale), offset: -half(-$0.offset))
        }
    }
}
