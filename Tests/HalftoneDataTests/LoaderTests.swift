import Foundation
import HalftoneData
import HalftoneImages
import Testing

@Suite struct LoaderTests {
    /// A folder that is gone at the end.
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-data-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private let picture = PixelImage(
        width: 5, height: 3, pixels: (0..<45).map { UInt8($0 * 5) })

    @Test func picturesSurviveAPNG() throws {
        let data = try picture.pngData()
        #expect(try PixelImage(decoding: data) == picture)
        #expect(picture.planes[15 + 1] == Float(4 * 5) / 255)
    }

    @Test func damagedPicturesAreRefused() throws {
        let data = try picture.pngData()
        for length in 0..<data.count - 12 {
            #expect(throws: ImageError.self) { try PixelImage(decoding: Array(data[..<length])) }
        }
        // A header that claims 2³¹ − 1 pixels a side must not take memory for them.
        var huge = data
        huge.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
        #expect(throws: ImageError.self) { try PixelImage(decoding: huge) }
        #expect(throws: ImageError.tooLarge(width: 5, height: 3, pixelLimit: 14)) {
            try PixelImage(decoding: data, pixelLimit: 14)
        }
        #expect(throws: ImageError.unknownFormat) { try PixelImage(decoding: Array("GIF89a".utf8)) }
    }

    /// Written by Pillow 13: `Image.new("RGB", (9, 4), (200, 100, 50)).save(f, quality=95)`.
    private static let jpeg =
        Data(
            base64Encoded: """
                /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJ
                BwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK
                CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAEAAkDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAA
                AAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAk
                M2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT
                lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QA
                HwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdh
                cRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hp
                anN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk
                5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDPooor+Vz+2D//2Q==
                """, options: .ignoreUnknownCharacters
        ).map { [UInt8]($0) } ?? []

    @Test func jpegsAreRead() throws {
        let image = try PixelImage(decoding: Self.jpeg)
        #expect(image.width == 9 && image.height == 4)
        for index in 0..<36 {
            // One step of the quantization of each of the three planes at this quality.
            for (channel, value) in [200, 100, 50].enumerated() {
                #expect(abs(Int(image.pixels[index * 3 + channel]) - value) <= 3)
            }
        }
        for length in stride(from: 3, to: Self.jpeg.count - 2, by: 7) {
            #expect(throws: ImageError.self) {
                try PixelImage(decoding: Array(Self.jpeg[..<length]))
            }
        }
        #expect(throws: ImageError.tooLarge(width: 9, height: 4, pixelLimit: 35)) {
            try PixelImage(decoding: Self.jpeg, pixelLimit: 35)
        }
    }

    @Test func foldersOfPicturesHaveClasses() throws {
        try withFolder { folder in
            for name in ["b/1.png", "a/2.png", "a/1.PNG"] {
                let file = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(picture.pngData()).write(to: file)
            }
            try Data("x".utf8).write(to: folder.appending(path: "a/notes.txt"))
            let images = try ImageFolder(folder.path)
            #expect(images.classes == ["a", "b"])
            #expect(images.labels == [0, 0, 1])
            let batch = try images.batch([2, 0], height: 3, width: 5)
            #expect(batch.labels == [1, 0])
            #expect(Array(batch.pixels[..<45]) == picture.planes)
            #expect(throws: DataError.self) { try images.batch([0], height: 4, width: 5) }
            try Data("no picture".utf8).write(to: folder.appending(path: "b/1.png"))
            #expect(throws: DataError.self) { try images.image(at: 2) }
            #expect(throws: DataError.self) { try ImageFolder(folder.path + "/none") }
        }
    }

    @Test func foldersOfTextAreReadInOrder() throws {
        try withFolder { folder in
            for name in ["b.txt", "a.md", "c.bin"] {
                try Data("text of \(name)".utf8).write(to: folder.appending(path: name))
            }
            let texts = try TextFolder(folder.path)
            #expect(try texts.map { try $0.get() } == ["text of a.md", "text of b.txt"])
            try Data([0xFF, 0x41]).write(to: folder.appending(path: "b.txt"))
            #expect(throws: DataError.notText(path: texts.paths[1])) { try texts.text(at: 1) }
            let small = try TextFolder(folder.path, byteLimit: 3)
            #expect(throws: DataError.self) { try small.text(at: 0) }
        }
    }

    @Test func windowsMoveByOne() {
        let windows = TokenWindows(Array(0..<23), length: 5)
        #expect(windows.count == 4)
        let batch = windows.batch([0, 3])
        #expect(batch.inputs == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19])
        #expect(batch.targets == [1, 2, 3, 4, 5, 16, 17, 18, 19, 20])
        #expect(TokenWindows(Array(0..<6), length: 5).count == 1)
        #expect(TokenWindows(Array(0..<5), length: 5).count == 0)
        #expect(TokenWindows(Array(0..<10), length: 5, stride: 2).count == 3)
    }

    @Test func tablesAreRead() throws {
        let table = try CSVTable(
            text: "\u{FEFF}name,x,note\r\na,1.5,\"one, \"\"two\"\"\nlines\"\r\nb,,\r\n\"a\",-2,")
        #expect(table.columns == ["name", "x", "note"])
        #expect(
            table.rows == [["a", "1.5", "one, \"two\"\nlines"], ["b", "", ""], ["a", "-2", ""]])
        let numbers = try #require(table.numbers("x"))
        #expect(numbers[0] == 1.5 && numbers[1].isNaN && numbers[2] == -2)
        let names = try #require(table.categories("name"))
        #expect(names.ids == [0, 1, 0] && names.values == ["a", "b"])
        let common = try #require(table.categories("name", minimumCount: 2))
        #expect(common.ids == [0, 1, 0] && common.values == ["a", ""])
        #expect(table.numbers("y") == nil)
        #expect(throws: DataError.raggedRow(path: "the table", row: 3, found: 1, expected: 2)) {
            try CSVTable(text: "a,b\n1,2\n3\n")
        }
        #expect(throws: DataError.self) { try CSVTable(text: "a,b\n\"1,2\n") }
        #expect(throws: DataError.self) { try CSVTable(text: "") }
    }
}
