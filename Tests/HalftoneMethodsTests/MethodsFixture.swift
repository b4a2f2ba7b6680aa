import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import Testing

/// A case of `Tests/Fixtures/Training/methods.json`, which `Tests/Reference/qat_reference.py` made.
struct MethodsFixture {
    /// `ties/random`.
    let name: String
    private let attributes: JSONValue
    private let file: SafetensorsFile

    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/Training")

    /// The cases of a method.
    static func cases(_ method: String) throws -> [MethodsFixture] {
        let data = try Data(contentsOf: folder.appending(path: "methods.json"))
        let index = try JSONParser.parse([UInt8](data))
        let file = try SafetensorsFile(
            contentsOf: folder.appending(path: "methods.safetensors").path)
        let cases = (index["cases"]?.array ?? []).compactMap { entry -> MethodsFixture? in
            guard entry["method"]?.string == method, let name = entry["name"]?.string else {
                return nil
            }
            return MethodsFixture(
                name: name, attributes: entry["attributes"] ?? .null, file: file)
        }
        try #require(!cases.isEmpty, "the fixture has no case of \(method)")
        return cases
    }

    /// A case by its name.
    static func named(_ name: String) throws -> MethodsFixture {
        let method = String(name.prefix { $0 != "/" })
        return try #require(try cases(method).first { $0.name == name }, "no case \(name)")
    }

    /// A number among the attributes.
    func number(_ name: String) throws -> Double {
        try #require(attributes[name]?.double, "\(self.name) has no \(name)")
    }

    /// A list of whole numbers among the attributes.
    func integers(_ name: String) throws -> [Int] {
        let list = try #require(attributes[name]?.array, "\(self.name) has no \(name)")
        return list.compactMap { $0.integer }
    }

    /// An array of floats.
    func tensor(_ label: String) throws -> Tensor {
        let stored = try stored(label, .float32)
        return Tensor(
            shape: stored.shape,
            elements: (0..<stored.elementCount).map {
                Float(bitPattern: stored.bytes.load(UInt32.self, at: 4 * $0))
            })
    }

    /// An array of whole numbers in row-major order.
    func integers(of label: String) throws -> [Int] {
        let stored = try stored(label, .int32)
        return (0..<stored.elementCount).map { Int(stored.bytes.load(Int32.self, at: 4 * $0)) }
    }

    private func stored(_ label: String, _ type: ElementType) throws -> StoredTensor {
        let tensor = try #require(
            file.tensor(named: "\(name)/\(label)"), "\(name) has no \(label)")
        try #require(tensor.encoding == .elements(type), "\(name)/\(label) is no \(type)")
        return tensor
    }
}

extension MethodsFixture: CustomTestStringConvertible {
    var testDescription: String { name }
}
