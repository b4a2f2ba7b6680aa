import Foundation
import HalftoneImages

/// Pictures in folders, one folder for each class.
public struct ImageFolder: Sendable {
    /// The names of the classes in the order of their labels.
    public let classes: [String]
    /// The files in the order of their paths.
    public let paths: [String]
    /// The class of each file.
    public let labels: [Int32]

    /// Lists the PNG and JPEG files of a folder's folders.
    ///
    /// - Throws: ``DataError`` when there are none.
    public init(_ folder: String) throws(DataError) {
        let found = try FolderListing.files(in: folder, extensions: ["png", "jpg", "jpeg"])
        let root = URL(filePath: folder, directoryHint: .isDirectory).standardizedFileURL
        let depth = root.pathComponents.count
        var names: [String] = []
        var kept: [String] = []
        for path in found {
            let parts = URL(filePath: path).standardizedFileURL.pathComponents
            // A picture beside the folders has no class.
            guard parts.count > depth + 1 else { continue }
            kept.append(path)
            names.append(parts[depth])
        }
        guard !kept.isEmpty else { throw .empty(path: folder, wanted: "folders with pictures") }
        let classes = Set(names).sorted()
        let numbers = Dictionary(
            uniqueKeysWithValues: classes.enumerated().map {
                ($1, Int32(truncatingIfNeeded: $0))
            })
        self.classes = classes
        paths = kept
        labels = names.map { numbers[$0] ?? 0 }
    }

    /// One picture.
    ///
    /// - Throws: ``DataError`` that names the file.
    public func image(at index: Int, pixelLimit: Int = 1 << 26) throws(DataError) -> PixelImage {
        let bytes = try FolderListing.read(paths[index], limit: pixelLimit * 4)
        do throws(ImageError) {
            return try PixelImage(decoding: bytes, pixelLimit: pixelLimit)
        } catch {
            throw .picture(path: paths[index], reason: "\(error)")
        }
    }

    /// Pictures of one size.
    ///
    /// - Throws: ``DataError`` for a file that cannot be read or has another size.
    public func batch(
        _ indices: [Int], height: Int, width: Int
    ) throws(DataError) -> LabelledImages {
        var pixels: [Float] = []
        for index in indices {
            let image = try image(at: index)
            guard image.height == height, image.width == width else {
                throw .picture(
                    path: paths[index],
                    reason: "\(image.height) × \(image.width), not \(height) × \(width)")
            }
            pixels += image.planes
        }
        return LabelledImages(
            count: indices.count, channels: 3, height: height, width: width, pixels: pixels,
            labels: indices.map { labels[$0] })
    }
}
