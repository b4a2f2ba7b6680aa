import HalftoneFormats

/// Dimensions whose product is known to fit, so that later arithmetic cannot overflow.
public struct CheckedShape: Sendable, Equatable {
    /// Outermost dimension first; empty for a single element.
    public let dimensions: [Int]
    /// The product of the dimensions: 1 without any, 0 when one is 0.
    public let elementCount: Int

    /// The most dimensions that any format of this package has.
    public static let maximumRank = 8

    /// Checks dimensions from a file.
    ///
    /// - Parameters:
    ///   - dimensions: Outermost first.
    ///   - maximumRank: The format's own bound.
    /// - Throws: ``ShapeError`` for too many, negative or overflowing dimensions; a product that
    ///   overflows is refused even when a later dimension is 0.
    public init(
        _ dimensions: [Int], maximumRank: Int = CheckedShape.maximumRank
    ) throws(ShapeError) {
        guard dimensions.count <= maximumRank else {
            throw .tooManyDimensions(found: dimensions.count, allowed: maximumRank)
        }
        var product = 1
        for dimension in dimensions {
            guard dimension >= 0 else { throw .negativeDimension(dimension) }
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw .elementCountOverflows(dimensions) }
            product = next
        }
        self.dimensions = dimensions
        elementCount = product
    }

    /// Bytes that the elements take in an encoding.
    ///
    /// - Throws: ``ShapeError`` when the number overflows, when bits do not fill whole bytes, or
    ///   when the innermost dimension does not hold whole blocks.
    public func byteCount(_ encoding: TensorEncoding) throws(ShapeError) -> Int {
        switch encoding {
        case .elements(let type):
            let (bits, overflow) = elementCount.multipliedReportingOverflow(by: type.bits)
            guard !overflow else { throw .byteCountOverflows(dimensions) }
            guard bits % 8 == 0 else { throw .notWholeBytes(dimensions, bitsPerElement: type.bits) }
            return bits / 8
        case .blocks(let type):
            let innermost = dimensions.last ?? 1
            guard innermost % type.blockSize == 0 else {
                throw .notWholeBlocks(innermost: innermost, type: type)
            }
            let blocks = elementCount / type.blockSize
            let (bytes, overflow) = blocks.multipliedReportingOverflow(by: type.bytesPerBlock)
            guard !overflow else { throw .byteCountOverflows(dimensions) }
            return bytes
        }
    }
}

/// Why dimensions cannot describe an array.
public enum ShapeError: Error, Sendable, Equatable, CustomStringConvertible {
    case tooManyDimensions(found: Int, allowed: Int)
    case negativeDimension(Int)
    case elementCountOverflows([Int])
    case byteCountOverflows([Int])
    case notWholeBytes([Int], bitsPerElement: Int)
    case notWholeBlocks(innermost: Int, type: BlockType)

    /// What was found and what is allowed.
    public var description: String {
        switch self {
        case .tooManyDimensions(let found, let allowed):
            "\(found) dimensions; at most \(allowed) are allowed"
        case .negativeDimension(let dimension): "dimension \(dimension) is negative"
        case .elementCountOverflows(let shape): "shape \(shape) has more than 2^63 - 1 elements"
        case .byteCountOverflows(let shape): "shape \(shape) takes more than 2^63 - 1 bytes"
        case .notWholeBytes(let shape, let bits):
            "shape \(shape) at \(bits) bits per element does not fill whole bytes"
        case .notWholeBlocks(let innermost, let type):
            "innermost dimension \(innermost) is not a multiple of \(type.blockSize), "
                + "the block size of \(type.name)"
        }
    }
}
