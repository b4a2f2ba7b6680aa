import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneTensor

/// Values that PyTorch stored under `Tests/Fixtures/Training`.
struct TrainingFixture {
    let file: SafetensorsFile
    let json: JSONValue

    init(_ name: String, json jsonName: String? = nil) throws {
        let folder = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/Training")
        file = try SafetensorsFile(
            contentsOf: folder.appending(path: name + ".safetensors").path)
        json = try JSONParser.parse(
            Array(Data(contentsOf: folder.appending(path: (jsonName ?? name) + ".json"))))
    }

    /// A tensor of float32 numbers, or nil when there is none of the name.
    func tensor(_ name: String) -> Tensor? {
        guard let stored = file.tensor(named: name) else { return nil }
        let elements = (0..<stored.elementCount).map {
            Float(bitPattern: stored.bytes.load(UInt32.self, at: 4 * $0))
        }
        return Tensor(shape: stored.shape, elements: elements)
    }

    /// A tensor of 32-bit integers.
    func indices(_ name: String) -> IndexTensor? {
        guard let stored = file.tensor(named: name) else { return nil }
        let elements = (0..<stored.elementCount).map {
            Int32(bitPattern: stored.bytes.load(UInt32.self, at: 4 * $0))
        }
        return IndexTensor(shape: stored.shape, elements: elements)
    }
}

extension JSONValue {
    /// The numbers of an array.
    var numbers: [Double]? { array?.compactMap { $0.double } }
}
