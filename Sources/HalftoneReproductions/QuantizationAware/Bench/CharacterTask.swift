import HalftoneData

/// Drawn digits of 16 × 16 in one channel.
enum CharacterTask {
    private static let characters = "0123456789"

    /// The number of classes.
    static let classes = characters.count

    /// Makes the pictures; equal numbers give equal pictures.
    static func make(training: Int, heldOut: Int) -> FigureTask {
        FigureTask(
            FigureImages(characters: characters, size: 16, channels: 1, seed: 9),
            training: training, heldOut: heldOut)
    }
}
