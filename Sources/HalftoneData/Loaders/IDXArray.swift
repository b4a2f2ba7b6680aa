/// Numbers of any shape from an IDX file, the format of MNIST and sets like it.
///
/// Two zero bytes, a byte for the kind of number, one for the count of dimensions, each dimension
/// as 4 bytes and then the numbers, row by row; all with the most significant byte first.
///
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", "file
/// formats".
public struct IDXArray: Sendable, Equatable {
    /// The kind of number, as files name it.
    public enum Element: UInt8, Sendable, CaseIterable {
        case uint8 = 0x08
        case int8 = 0x09
        case int16 = 0x0B
        case int32 = 0x0C
        case float32 = 0x0D
        case float64 = 0x0E

        /// Bytes of a number.
        public var byteCount: Int {
            switch self {
            case .uint8, .int8: 1
            case .int16: 2
            case .int32, .float32: 4
            case .float64: 8
            }
        }
    }

    /// The kind of number of the file.
    public let element: Element
    /// The dimensions, such as `[60000, 28, 28]`.
    public let shape: [Int]
    /// The numbers, row by row; those of `int32` and `float64` rounded to the nearest `Float`.
    public let numbers: [Float]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The file, not compressed.
    ///   - byteLimit: The most bytes to read.
    /// - Throws: ``DataError`` that names the file and what is wrong with it.
    public init(path: String, byteLimit: Int = 1 << 31) throws(DataError) {
        try self.init(bytes: FolderListing.read(path, limit: byteLimit), path: path)
    }

    /// Reads the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: All of them.
    ///   - path: What an error names.
    /// - Throws: ``DataError/notAnArray(path:reason:)``.
    public init(bytes: [UInt8], path: String = "the array") throws(DataError) {
        if bytes.starts(with: [0x1F, 0x8B]) {
            throw .notAnArray(path: path, reason: "compressed; gunzip it first")
        }
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0,
            let element = Element(rawValue: bytes[2])
        else {
            throw .notAnArray(
                path: path, reason: "an IDX file begins with 0, 0 and the kind of its numbers")
        }
        let start = 4 + 4 * Int(bytes[3])
        guard bytes.count >= start else {
            throw .notAnArray(
                path: path, reason: "ends within its \(bytes[3]) dimensions")
        }
        shape = (0..<Int(bytes[3])).map { Int(Self.word(bytes, 4 + 4 * $0, 4)) }
        var count = 1
        for length in shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: length)
            guard !overflows else {
                throw .notAnArray(path: path, reason: "the shape \(shape) is too large")
            }
            count = product
        }
        let (needed, overflows) = count.multipliedReportingOverflow(by: element.byteCount)
        guard !overflows, needed == bytes.count - start else {
            throw .notAnArray(
                path: path,
                reason: "\(bytes.count - start) bytes of numbers; the shape \(shape) of \(element) "
                    + "needs \(overflows ? "more than there can be" : "\(needed)")")
        }
        self.element = element
        let size = element.byteCount
        numbers = (0..<count).map {
            let word = Self.word(bytes, start + $0 * size, size)
            return switch element {
            case .uint8: Float(word)
            case .int8: Float(Int8(truncatingIfNeeded: word))
            case .int16: Float(Int16(truncatingIfNeeded: word))
            case .int32: Float(Int32(truncatingIfNeeded: word))
            case .float32: Float(bitPattern: UInt32(truncatingIfNeeded: word))
            case .float64: Float(Double(bitPattern: word))
            }
        }
    }

    private static func word(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 << 8 | UInt64(bytes[start + $1]) }
    }
}

extension LabelledImages {
    /// Reads grey pictures and their classes, as MNIST has them.
    ///
    /// - Parameters:
    ///   - images: An IDX file of `uint8`, `[count, height, width]`, or with colours
    ///     `[count, channels, height, width]`; 0 to 255 become 0 to 1.
    ///   - labels: An IDX file of whole numbers, `[count]`.
    /// - Throws: ``DataError`` for files that are damaged, of other shapes, or of different length.
    public init(idxImages images: String, labels: String) throws(DataError) {
        let (pictures, classes) = (try IDXArray(path: images), try IDXArray(path: labels))
        guard pictures.element == .uint8, [3, 4].contains(pictures.shape.count) else {
            throw .notAnArray(
                path: images,
                reason: "\(pictures.shape) of \(pictures.element); pictures are uint8 of "
                    + "[count, height, width] or [count, channels, height, width]")
        }
        guard classes.shape == [pictures.shape[0]] else {
            throw .notAnArray(
                path: labels,
                reason:
                    "\(classes.shape) is not one class for each of \(pictures.shape[0]) pictures")
        }
        let limit = Float(1 << 24)
        guard classes.numbers.allSatisfy({ $0 >= 0 && $0 < limit && $0 == $0.rounded() }) else {
            throw .notAnArray(path: labels, reason: "classes are whole numbers from 0 on")
        }
        // A grey picture has one channel.
        let size = Array(([1] + pictures.shape.dropFirst()).suffix(3))
        self.init(
            count: pictures.shape[0], channels: size[0], height: size[1], width: size[2],
            pixels: pictures.numbers.map { $0 / 255 }, labels: classes.numbers.map { Int32($0) })
    }
}
