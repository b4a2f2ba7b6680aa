import HalftoneFormats
import HalftoneKernels

/// An importance matrix of llama.cpp: for the matrices of a model the mean square of each input
/// feature over some text, to be given to encoders as importance.
///
/// The file is a GGUF file of `general.type` = `imatrix`; for a matrix `name` it has
/// `name.in_sum2`, F32, the sums of squares of each feature, and `name.counts`, F32, the number of
/// vectors. A matrix whose count is 0 has no importance. Matrices of several experts are left out.
/// Files of the older kind, `.dat`, hold a mean times the number of calls, and are read as well.
public struct ImportanceMatrix: Sendable, Equatable {
    /// What flowed into one matrix.
    public struct Entry: Sendable, Equatable {
        /// The sum of squares of each input feature.
        public var squareSums: [Float]
        /// Vectors that were summed.
        public var count: Float

        /// States sums.
        public init(squareSums: [Float], count: Float) {
            self.squareSums = squareSums
            self.count = count
        }

        /// The mean square of each input feature.
        public var meanSquares: [Float] { squareSums.map { $0 / count } }
    }

    /// Sums by the name of the matrix; their counts are above 0.
    public var entries: [String: Entry]

    /// What the text was.
    public var datasets: [String]

    /// Windows of text that were read.
    public var chunkCount: Int

    /// Tokens of a window.
    public var chunkSize: Int

    /// States what was collected.
    public init(
        entries: [String: Entry], datasets: [String] = [], chunkCount: Int = 0, chunkSize: Int = 0
    ) {
        self.entries = entries
        self.datasets = datasets
        self.chunkCount = chunkCount
        self.chunkSize = chunkSize
    }

    /// Mean squares by the name of the matrix, one for each input feature.
    public var meanSquares: [String: [Float]] { entries.mapValues(\.meanSquares) }
}

extension ImportanceMatrix {
    /// Reads a file of either kind.
    ///
    /// - Throws: ``FileError`` when it is damaged, no importance matrix, or has a number that is
    ///   negative or not finite.
    public init(contentsOf path: String) throws(FileError) {
        let bytes = try MappedFile(path).bytes
        if bytes.count >= 4, bytes[0..<4].array == Array("GGUF".utf8) {
            try self.init(try GGUFFile(contentsOf: path))
        } else {
            try self.init(legacy: bytes, path: path)
        }
    }

    /// Takes the numbers of a GGUF file that was read.
    ///
    /// - Throws: As ``init(contentsOf:)``.
    public init(_ file: GGUFFile) throws(FileError) {
        guard file.metadata["general.type"]?.string == "imatrix" else {
            throw FileError(path: file.path, .noImportanceMatrix)
        }
        var entries: [String: Entry] = [:]
        for tensor in file.tensors {
            guard let name = tensor.name.droppingSuffix(".in_sum2") else { continue }
            guard let counts = file.tensor(named: name + ".counts"),
                tensor.encoding == .blocks(.f32), counts.encoding == .blocks(.f32)
            else {
                throw FileError(path: file.path, .badImportance(matrix: name))
            }
            guard counts.elementCount == 1 else { continue }
            let entry = Entry(
                squareSums: (0..<tensor.elementCount).map {
                    Float(bitPattern: tensor.bytes.load(at: 4 * $0))
                }, count: Float(bitPattern: counts.bytes.load(at: 0)))
            guard entry.isPossible else {
                throw FileError(path: file.path, .badImportance(matrix: name))
            }
            if entry.count > 0 { entries[name] = entry }
        }
        self.init(
            entries: entries,
            datasets: file.metadata["imatrix.datasets"]?.strings.map(Array.init) ?? [],
            chunkCount: file.metadata["imatrix.chunk_count"]?.integer ?? 0,
            chunkSize: file.metadata["imatrix.chunk_size"]?.integer ?? 0)
    }

    /// Reads a file of the older kind: a count of entries; for each the length of its name, the
    /// name, calls, values and as many floats.
    private init(legacy bytes: Bytes, path: String) throws(FileError) {
        var place = 0
        func number() -> Int? {
            guard place + 4 <= bytes.count else { return nil }
            defer { place += 4 }
            return Int(bytes.load(Int32.self, at: place))
        }
        var entries: [String: Entry] = [:]
        guard let count = number(), (1...1 << 20).contains(count) else {
            throw FileError(path: path, .noImportanceMatrix)
        }
        for _ in 0..<count {
            guard let length = number(), length > 0, place + length <= bytes.count,
                let name = String(
                    validating: bytes[place..<place + length].array, as: UTF8.self)
            else { throw FileError(path: path, .noImportanceMatrix) }
            place += length
            guard let calls = number(), let values = number(), values >= 0,
                values <= (bytes.count - place) / 4
            else { throw FileError(path: path, .badImportance(matrix: name)) }
            let entry = Entry(
                squareSums: (0..<values).map {
                    Float(bitPattern: bytes.load(at: place + 4 * $0))
                }, count: Float(calls))
            place += 4 * values
            guard entry.isPossible else {
                throw FileError(path: path, .badImportance(matrix: name))
            }
            if calls > 0 { entries[name] = entry }
        }
        let chunks = max(number() ?? 0, 0)
        var datasets: [String] = []
        if let length = number(), length > 0, place + length <= bytes.count {
            let name = bytes[place..<place + length].array
            datasets = [String(decoding: name, as: UTF8.self)]
        }
        self.init(entries: entries, datasets: datasets, chunkCount: chunks)
    }

    /// Writes a GGUF file; it appears under its name when it is complete.
    ///
    /// - Throws: ``TensorWriteError`` for a name that GGUF does not hold, and what the disk says.
    public func write(to path: String) throws {
        var writer = GGUFWriter(metadata: [
            "general.type": .string("imatrix"),
            "imatrix.datasets": .array(.strings(GGUFStrings(datasets))),
            "imatrix.chunk_count": .uint32(UInt32(clamping: chunkCount)),
            "imatrix.chunk_size": .uint32(UInt32(clamping: chunkSize)),
        ])
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            for (suffix, values) in [
                (".in_sum2", entry.squareSums), (".counts", [entry.count]),
            ] {
                try writer.add(
                    TensorSource(
                        name: name + suffix, shape: [1, values.count], encoding: .blocks(.f32)
                    ) { sink in
                        try sink.write(BlockCodec.encode(.f32, values, columns: values.count))
                    })
            }
        }
        try writer.write(to: path)
    }
}

extension ImportanceMatrix.Entry {
    /// Whether the numbers are sums of squares of so many vectors.
    fileprivate var isPossible: Bool {
        count >= 0 && count.isFinite && squareSums.allSatisfy { $0 >= 0 && $0.isFinite }
    }
}

extension String {
    fileprivate func droppingSuffix(_ suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}
