import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// A case of `Tests/Fixtures/Training/methods.json` with its tensors; see
/// `Tests/Reference/qat_reference.py`.
struct QATFixture {
    let name: String
    let attributes: JSONValue
    private let file: SafetensorsFile

    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/Training")

    init(_ name: String) throws {
        let data = try Data(contentsOf: Self.folder.appending(path: "methods.json"))
        let index = try JSONParser.parse([UInt8](data))
        let entry = try #require(
            index["cases"]?.array?.first { $0["name"]?.string == name }, "no case \(name)")
        self.name = name
        attributes = entry["attributes"] ?? .null
        file = try SafetensorsFile(
            contentsOf: Self.folder.appending(path: "methods.safetensors").path)
    }

    func number(_ name: String) throws -> Double {
        try #require(attributes[name]?.double, "\(self.name) has no \(name)")
    }

    func isSet(_ name: String) -> Bool { attributes[name]?.bool ?? false }

    func text(_ name: String) throws -> String {
        try #require(attributes[name]?.string, "\(self.name) has no \(name)")
    }

    /// A float tensor.
    func tensor(_ label: String) throws -> Tensor {
        let stored = try #require(file.tensor(named: "\(name)/\(label)"), "\(name)/\(label)")
        return Tensor(
            shape: stored.shape,
            elements: (0..<stored.elementCount).map {
                Float(bitPattern: stored.bytes.load(at: 4 * $0))
            })
    }

    /// Whole numbers.
    func integers(_ label: String) throws -> [Int] {
        let stored = try #require(file.tensor(named: "\(name)/\(label)"), "\(name)/\(label)")
        return (0..<stored.elementCount).map {
            Int(Int32(bitPattern: stored.bytes.load(at: 4 * $0)))
        }
    }

    /// What is wrong with a tensor that should be the stored one.
    ///
    /// The bound is `operations` roundings of the largest stored magnitude: each operation of the
    /// method rounds by 2⁻²⁴ of a term no larger than `spread` times that.
    func failures(
        _ found: Tensor, _ label: String, operations: Double, spread: Double = 1
    ) throws -> [String] {
        let wanted = try tensor(label)
        guard found.shape == wanted.shape || wanted.shape == [1] && found.count == 1 else {
            return ["\(name)/\(label): shape \(found.shape), expected \(wanted.shape)"]
        }
        let largest = wanted.elements.reduce(Float(0)) { max($0, $1.magnitude) }
        return checkClose(
            found.elements.array, wanted.elements.map { Double($0) },
            within: operations * 0x1p-24 * spread * Double(largest), "\(name)/\(label)")
    }
}
