import Foundation

/// The models that come with the program; Halftone trained them on what it generates itself.
public enum ShippedModels {
    /// A language model of the Llama architecture that reads and tells small stories.
    public static let stories = "stories"
    /// A classifier of drawn figures with batch norm.
    public static let shapes = "shapes"

    /// All names.
    public static let names = [stories, shapes]

    /// The folder of a model, laid out as Hugging Face does.
    public static func path(of name: String) -> String {
        Bundle.module.bundleURL.appending(path: "Models/\(name)").path(percentEncoded: false)
    }
}
