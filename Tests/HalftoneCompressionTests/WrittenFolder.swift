import Foundation
import HalftoneCompression
import HalftoneQuantization
import Testing

/// Writes a model as a folder whose weight file has the size that was predicted, and removes it after a
/// body has looked at it.
func withWrittenFolder(
    _ compressed: CompressedModel, order: StorageOrder, _ body: (String) throws -> Void
) throws {
    let path = FileManager.default.temporaryDirectory
        .appending(path: "halftone-\(UUID().uuidString)").path(percentEncoded: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = ModelFolderWriter(compressed, order: order)
    let predicted = try writer.weightFileByteCount()
    try writer.write(to: path, replaces: false)
    let size =
        try FileManager.default.attributesOfItem(
            atPath: path + "/model.safetensors")[.size] as? Int
    #expect(size == predicted)
    try body(path)
}
