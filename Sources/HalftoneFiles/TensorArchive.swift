import HalftoneKernels

/// A file, or several that belong together, with named tensors.
public protocol TensorArchive: Sendable {
    /// All tensors in the order of the file.
    var tensors: [StoredTensor] { get }

    /// The tensor of a name, or nil.
    ///
    /// - Complexity: O(1).
    func tensor(named name: String) -> StoredTensor?

    /// Checks that the files are as they were when they were opened.
    ///
    /// - Throws: ``FileError``.
    func checkUnchanged() throws(FileError)
}

extension TensorArchive {
    /// All names in the order of the file.
    public var tensorNames: [String] { tensors.map(\.name) }

    /// Bytes of all tensors, without headers and padding.
    public var tensorByteCount: Int { tensors.reduce(0) { $0 + $1.bytes.count } }
}

/// Tensors in order with a lookup by the bytes of the name.
struct TensorTable: Sendable {
    let tensors: [StoredTensor]
    private let positions: [ExactString: Int]

    /// Indexes tensors by name.
    ///
    /// - Throws: The first name that appears twice.
    init(_ tensors: [StoredTensor]) throws(DuplicateName) {
        self.tensors = tensors
        var positions: [ExactString: Int] = [:]
        positions.reserveCapacity(tensors.count)
        for (index, tensor) in tensors.enumerated() {
            guard positions.updateValue(index, forKey: ExactString(tensor.name)) == nil else {
                throw DuplicateName(name: tensor.name)
            }
        }
        self.positions = positions
    }

    subscript(name: String) -> StoredTensor? {
        positions[ExactString(name)].map { tensors[$0] }
    }

    struct DuplicateName: Error { let name: String }
}
