/// The text files of a folder, read one at a time.
public struct TextFolder: Sendable, Sequence {
    /// The files in the order of their paths.
    public let paths: [String]
    /// The most bytes of one file.
    public let byteLimit: Int

    /// Lists `.txt`, `.md` and `.text` files of a folder and its folders.
    ///
    /// - Throws: ``DataError`` when there are none.
    public init(_ folder: String, byteLimit: Int = 1 << 30) throws(DataError) {
        paths = try FolderListing.files(in: folder, extensions: ["txt", "md", "text"])
        self.byteLimit = byteLimit
    }

    /// The text of a file.
    ///
    /// - Throws: ``DataError`` for a file that is gone, too large or not UTF-8.
    public func text(at index: Int) throws(DataError) -> String {
        let bytes = try FolderListing.read(paths[index], limit: byteLimit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .notText(path: paths[index])
        }
        return text
    }

    /// The texts one after another, or what kept one from being read.
    public func makeIterator() -> AnyIterator<Result<String, DataError>> {
        var index = 0
        return AnyIterator {
            guard index < paths.count else { return nil }
            defer { index += 1 }
            do throws(DataError) {
                return .success(try text(at: index))
            } catch {
                return .failure(error)
            }
        }
    }
}
