import Foundation
import HalftoneData
import Testing

/// Arrays in the format of MNIST.
@Suite struct IDXTests {
    /// An IDX file: dimensions and numbers with the most significant byte first.
    private func file(_ element: UInt8, _ shape: [Int], _ data: [UInt8]) -> [UInt8] {
        [0, 0, element, UInt8(shape.count)]
            + shape.flatMap { length in
                [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
            } + data
    }

    @Test func everyKindOfNumberIsRead() throws {
        // By hand: −2, 258 and such as two's complement and IEEE 754.
        for (element, data, expected) in [
            (0x08, [0, 7, 255], [0, 7, 255]), (0x09, [0, 0xFE, 0x7F], [0, -2, 127]),
            (0x0B, [0x01, 0x02, 0xFF, 0xFE], [258, -2]),
            (0x0C, [0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFE], [65536, -2]),
            (0x0D, [0x3F, 0xC0, 0, 0], [1.5]),
            (0x0E, [0xC0, 0x04, 0, 0, 0, 0, 0, 0], [-2.5]),
        ] as [(UInt8, [UInt8], [Float])] {
            let array = try IDXArray(bytes: file(element, [expected.count], data))
            #expect(array.numbers == expected, "kind \(element)")
            #expect(array.element.rawValue == element && array.shape == [expected.count])
        }
        let square = try IDXArray(bytes: file(8, [2, 1, 3], [1, 2, 3, 4, 5, 6]))
        #expect(square.shape == [2, 1, 3] && square.numbers == [1, 2, 3, 4, 5, 6])
        #expect(try IDXArray(bytes: file(8, [0, 5], [])).numbers == [])
        #expect(try IDXArray(bytes: file(8, [], [9])).numbers == [9])
    }

    @Test func damagedFilesAreRefused() throws {
        let good = file(8, [2, 3], [1, 2, 3, 4, 5, 6])
        for length in 0..<good.count {
            #expect(throws: DataError.self) { try IDXArray(bytes: Array(good[..<length])) }
        }
        #expect(throws: DataError.self) { try IDXArray(bytes: good + [0]) }
        #expect(throws: DataError.self) { try IDXArray(bytes: file(7, [1], [0])) }
        #expect(throws: DataError.self) { try IDXArray(bytes: [1] + good.dropFirst()) }
        // 2³² − 1 in each of 255 dimensions must not take memory, nor overflow.
        let huge = [0, 0, 8, 255] + [UInt8](repeating: 255, count: 4 * 255)
        #expect(throws: DataError.self) { try IDXArray(bytes: huge) }
        let error = #expect(throws: DataError.self) { try IDXArray(bytes: [0x1F, 0x8B, 8, 0]) }
        #expect("\(error!)".contains("gunzip"))
    }

    @Test func picturesAndClassesAreJoined() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "idx-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ name: String, _ bytes: [UInt8]) throws -> String {
            let path = folder.appending(path: name)
            try Data(bytes).write(to: path)
            return path.path
        }
        let images = try write("images", file(8, [2, 1, 2], [0, 51, 255, 102]))
        let labels = try write("labels", file(8, [2], [3, 9]))
        let pictures = try LabelledImages(idxImages: images, labels: labels)
        #expect(
            pictures
                == LabelledImages(
                    count: 2, channels: 1, height: 1, width: 2,
                    pixels: [0, 51 / 255, 1, 102 / 255], labels: [3, 9]))
        let colours = try write("colours", file(8, [1, 3, 1, 1], [1, 2, 3]))
        let one = try write("one", file(8, [1], [0]))
        #expect(try LabelledImages(idxImages: colours, labels: one).channels == 3)
        #expect(throws: DataError.self) { try LabelledImages(idxImages: images, labels: one) }
        #expect(throws: DataError.self) { try LabelledImages(idxImages: labels, labels: labels) }
        let negative = try write("negative", file(9, [2], [0xFF, 0]))
        #expect(throws: DataError.self) { try LabelledImages(idxImages: images, labels: negative) }
    }

    @Test func aParquetFileIsRefusedWithTheWayOut() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "it's-\(UUID()).parquet")
        try Data("PAR1\u{15}\u{4}PAR1".utf8).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let error = #expect(throws: DataError.parquet(path: path.path)) {
            try CSVTable(path: path.path)
        }
        #expect("\(error!)".contains("pyarrow.parquet"), "\(error!)")
        #expect("\(error!)".contains("'\\''"), "a path with a quotation mark: \(error!)")
    }
}
