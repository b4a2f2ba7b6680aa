extension Convolution {
    /// Whether convolutions of a shape are best computed with the channels of a place together.
    ///
    /// That is so for batches whose channels fill whole vectors, or are the few of pictures, where
    /// the library computes all three products in that order: nothing has to change its order
    /// between one layer and the next. A single image is shared out over threads by its channels,
    /// for which they have to lie apart.
    package static func prefersChannelsLast(_ shape: ConvolutionShape) -> Bool {
        guard shape.groups == 1, shape.batch > 1, shape.height > 1, shape.width > 1,
            shape.outChannels % 16 == 0, shape.inChannels % 16 == 0 || shape.inChannels <= 4,
            !shape.isEmpty
        else { return false }
        let convolution = Convolution(shape, pool: .current, channelsLast: true)
        let part = shape.with(batch: convolution.chunk)
        return [.forward, .inputGradient, .weightGradient].allSatisfy { site in
            !ConvolutionPlan.plan(
                for: part, site, hasBias: site == .weightGradient, channelsLast: true
            ).isPlainLoop
        }
    }
}
