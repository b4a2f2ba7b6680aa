import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

/// What errors of an embedding or a head cost, in the form of a layer's inputs, so that error
/// compensation finds codes of tables as it does of layers.
///
/// An error `e` of a row costs `e·M·eᵀ` times how often the row matters. A head has the second
/// moments of what it reads for `M`. What is looked up has a diagonal: the curvature of the
/// predictions in each channel of the embedding. A table that is both has the sum, each counted by
/// what it costs the predictions.
public struct TableInputs: Sendable, Hashable, Codable {
    /// The table.
    public let role: Role

    /// `M`, float32, the rows of the upper triangle.
    private let moments: Data
    let width: Int

    /// Tokens that the moments are of.
    private let tokenCount: Int

    /// Keeps second moments.
    ///
    /// - Parameters:
    ///   - role: The table.
    ///   - moments: `M`, with both triangles.
    ///   - tokenCount: Tokens that they are the mean of.
    init(_ role: Role, _ moments: GramSum, tokenCount: Int) {
        self.role = role
        self.tokenCount = tokenCount
        width = moments.width
        self.moments = Data(
            (0..<width).flatMap { moments.upper(row: $0) }.flatMap { value in
                (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
            })
    }

    /// Reads what was kept.
    ///
    /// - Throws: `DecodingError`, also when the sizes disagree.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        role = try container.decode(Role.self, forKey: .role)
        width = try container.decode(Int.self, forKey: .width)
        moments = try container.decode(Data.self, forKey: .moments)
        // Files of earlier programs do not say it.
        tokenCount = try container.decodeIfPresent(Int.self, forKey: .tokenCount) ?? 1
        guard (0...1 << 24).contains(width), moments.count == 2 * width * (width + 1),
            (1...1 << 48).contains(tokenCount)
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .moments, in: container,
                debugDescription: "\(moments.count) bytes are no moments of \(width) columns over "
                    + "\(tokenCount) tokens")
        }
    }

    /// As statistics of so many tokens.
    public var statistics: InputStatistics {
        let bytes = [UInt8](moments)
        let upper = stride(from: 0, to: bytes.count, by: 4).map { first in
            Float(tokenCount)
                * Float(
                    bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << (8 * $1) })
        }
        return InputStatistics(
            moments: GramSum(width: width, upper: upper), tokenCount: tokenCount)
    }
}

extension [TableInputs] {
    /// Of each table, as statistics.
    var statistics: [Role: InputStatistics] {
        Dictionary(uniqueKeysWithValues: map { ($0.role, $0.statistics) })
    }
}
