import HalftoneData

/// Drawn characters of 16 × 16 in one channel.
enum CharacterTask {
    private static let digits = "0123456789"
    private static let capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    /// The number of digits.
    static let classes = digits.count

    /// Makes pictures of digits; equal numbers give equal pictures.
    static func make(training: Int, heldOut: Int) -> FigureTask {
        FigureTask(
            FigureImages(characters: digits, size: 16, channels: 1, seed: 9), training: training,
            heldOut: heldOut)
    }

    /// Makes pictures of digits and capitals.
    static func alphanumeric(training: Int, heldOut: Int) -> FigureTask {
        FigureTask(
            FigureImages(characters: digits + capitals, size: 16, channels: 1, seed: 9),
            training: training, heldOut: heldOut)
    }

    /// Makes pictures of digits and capitals that stand out little from a noisy ground.
    static func faint(training: Int, heldOut: Int) -> FigureTask {
        var images = FigureImages(characters: digits + capitals, size: 16, channels: 1, seed: 9)
        images.noise = 0.08
        images.contrast = 0.2
        return FigureTask(images, training: training, heldOut: heldOut)
    }
}
