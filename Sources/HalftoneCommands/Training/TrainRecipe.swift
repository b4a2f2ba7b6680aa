import HalftoneRecipes
import HalftoneTraining

/// What `halftone train` is asked for: a language model or an image classifier, an optimizer, and
/// how long.
struct TrainRecipe: Recipe {
    static let version = 1

    /// A language model, or nil.
    var language: LanguageRecipe?
    /// An image classifier, or nil.
    var images: ImageRecipe?
    /// What changes the parameters.
    var optimizer: OptimizerRecipe
    /// How the training goes.
    var training: TrainingOptions

    static var defaults: TrainRecipe? {
        TrainRecipe(
            optimizer: OptimizerRecipe(rule: .adamw, rate: 1e-3),
            training: TrainingOptions(steps: 1000))
    }

    func check(_ checks: inout RecipeChecks) {
        checks.require(
            (language == nil) != (images == nil), "language", "or else images has to be there")
        language?.check(&checks)
        images?.check(&checks)
        optimizer.check(&checks, "optimizer")
        training.check(&checks, "training")
    }
}

/// A language model of the Llama architecture and its text.
struct LanguageRecipe: Codable, Sendable, Hashable {
    /// Text that is made from a seed.
    struct Stories: Codable, Sendable, Hashable {
        /// Bytes of text to train on.
        var bytes: Int
        /// Where the text starts.
        var seed: UInt64
    }

    /// Tokens of the vocabulary, which is trained on the text.
    var vocabulary: Int
    /// Width of the residual stream.
    var width: Int
    /// Blocks.
    var layers: Int
    /// Query heads.
    var heads: Int
    /// Heads of keys and values; nil for as many as query heads.
    var keyHeads: Int?
    /// Width between the layers of the perceptrons.
    var hiddenWidth: Int
    /// Tokens of a row, and what the model is made for.
    var context: Int
    /// Rows of a batch.
    var batch: Int
    /// Made text, or nil for files.
    var stories: Stories?
    /// Files of text, or nil for made text.
    var files: [String]?

    func check(_ checks: inout RecipeChecks) {
        checks.require(vocabulary, in: 300...1_000_000, "language.vocabulary")
        for (name, value) in [
            ("width", width), ("layers", layers), ("heads", heads), ("hiddenWidth", hiddenWidth),
            ("batch", batch),
        ] { checks.require(value >= 1, "language.\(name)", "has to be at least 1") }
        checks.require(context >= 2, "language.context", "has to be at least 2")
        checks.require(
            heads >= 1 && width % max(1, heads) == 0 && width / max(1, heads) % 2 == 0,
            "language.heads", "has to divide the width \(width) into even heads")
        let keyHeads = keyHeads ?? heads
        checks.require(
            keyHeads >= 1 && heads % max(1, keyHeads) == 0, "language.keyHeads",
            "has to divide the \(heads) heads")
        checks.require(
            (stories == nil) != (files == nil), "language.stories",
            "or else files has to be there")
        checks.require(
            (stories?.bytes ?? 1 << 16) >= 1 << 16, "language.stories.bytes",
            "has to be at least 65536")
        checks.require(files?.isEmpty != true, "language.files", "has to name a file")
    }
}

/// An image classifier and its generated images.
struct ImageRecipe: Codable, Sendable, Hashable {
    /// Which network.
    enum Network: String, Codable, Sendable {
        /// Convolutions with batch norm one after another.
        case plain
        /// The residual network of 6 · blocks + 2 layers.
        case residual
    }

    /// Which network.
    var network: Network
    /// Channels after each unit, or of each stage.
    var widths: [Int]
    /// Strides of the units, for `plain`.
    var strides: [Int]?
    /// Blocks of each stage, for `residual`.
    var blocks: Int?
    /// Kinds of figures: the classes, 2 to 12.
    var classes: Int
    /// Rows and columns of an image.
    var size: Int
    /// Images of a batch.
    var batch: Int
    /// Where the images start.
    var seed: UInt64
    /// Images that the classifier is measured on.
    var heldOut: Int?

    func check(_ checks: inout RecipeChecks) {
        checks.require(
            !widths.isEmpty && widths.allSatisfy { $0 >= 1 }, "images.widths",
            "has to name widths of at least 1")
        checks.require(
            network == .residual || strides?.count == widths.count, "images.strides",
            "has to have a number for each of the \(widths.count) widths")
        checks.require(
            strides?.allSatisfy { $0 >= 1 } ?? true, "images.strides", "has to be at least 1")
        checks.require((blocks ?? 1) >= 1, "images.blocks", "has to be at least 1")
        checks.require(classes, in: 2...12, "images.classes")
        checks.require(size, in: 8...512, "images.size")
        checks.require(batch >= 2, "images.batch", "has to be at least 2")
        checks.require((heldOut ?? 1) >= 1, "images.heldOut", "has to be at least 1")
    }
}
