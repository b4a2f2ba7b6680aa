import HalftoneFormats
import HalftoneKernels

/// An importance matrix of llama.cpp: for the matrices of a model the mean square of each input
/// feature over some text, to be given to encoders as importance.
///
/// The file is a GGUF file of `general.type` = `imatrix`; for a matrix `name` it has
/// `name.in_sum2`, F32, the sums of squares of each feature, and `name.counts`, F32, the number of
/// vectors. A matrix whose count is 0 has no importance. Matrices of several experts are left out.
public struct ImportanceMatrix: Sendable {
    /// Mean squares by the name of the matrix, one for each input feature.
    public let meanSquares: [String: [Float]]

    /// Reads a file.
    ///
    /// - Throws: ``FileError`` when it is damaged, no importance matrix, or has a number that is
    ///   negative or not finite.
    public init(contentsOf path: String) throws(FileError) {
        try self.init(try GGUFFile(contentsOf: path))
    }

    /// Takes the numbers of a file that was read.
    ///
    /// - Throws: As ``init(contentsOf:)``.
    public init(_ file: GGUFFile) throws(FileError) {
        guard file.metadata["general.type"]?.string == "imatrix" else {
            throw FileError(path: file.path, .noImportanceMatrix)
        }
        var meanSquares: [String: [Float]] = [:]
        for tensor in file.tensors {
            guard let name = tensor.name.droppingSuffix(".in_sum2") else { continue }
            guard let counts = file.tensor(named: name + ".counts"),
                tensor.encoding == .blocks(.f32), counts.encoding == .blocks(.f32)
            else {
                throw FileError(path: file.path, .badImportance(matrix: name))
            }
            guard counts.elementCount == 1 else { continue }
            let count = Float(bitPattern: counts.bytes.load(at: 0))
            let sums = (0..<tensor.elementCount).map {
                Float(bitPattern: tensor.bytes.load(at: 4 * $0))
            }
            guard count >= 0, count.isFinite, sums.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                throw FileError(path: file.path, .badImportance(matrix: name))
            }
            if count > 0 { meanSquares[name] = sums.map { $0 / count } }
        }
        self.meanSquares = meanSquares
    }
}

extension String {
    fileprivate func droppingSuffix(_ suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}
