import Foundation
import HalftoneData

/// Finds models on this machine: by path, by short name, by the name they have on the hub.
enum ModelStore {
    /// The path of a model.
    ///
    /// - Parameter name: A path, `stories` for the model that comes with the program, a short name
    ///   such as `smollm2-135m`, or `owner/name[@revision]`.
    /// - Throws: ``CommandError`` that says how to get a model that is not here.
    static func path(of name: String) throws -> String {
        if FileManager.default.fileExists(atPath: name) { return name }
        if name == ShippedModels.stories { return ShippedModels.path(of: name) }
        let known = PipModels()
        if let path = known.cachedPath(forShortName: name) {
            return path.path(percentEncoded: false)
        }
        if known.shortNames.contains(name) {
            throw CommandError(
                "\(name) is not on this machine yet; fetch it with: halftone get \(name)",
                .noInput)
        }
        if let reference = try? HubReference(name), let environment = try? HubEnvironment() {
            let cache = HubCache(environment, reference)
            if let commit = cache.commit(of: reference.revision) {
                return cache.snapshot(commit).path(percentEncoded: false)
            }
            throw CommandError(
                "\(name) is neither a file nor fetched yet; to fetch it from the hub: "
                    + "halftone get \(name)", .noInput)
        }
        throw CommandError(
            "\(name) does not exist; give a model folder, a GGUF file, or one of "
                + ([ShippedModels.stories] + known.shortNames).joined(separator: ", "), .noInput)
    }
}
