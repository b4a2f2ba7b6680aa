import Foundation

/// Why a figure could not become a PNG file.
public enum PNGError: Error, Sendable, Equatable, CustomStringConvertible {
    case noRasterizer
    case failed(path: String, reason: String)

    /// What is missing and what would do.
    public var description: String {
        switch self {
        case .noRasterizer:
            "PNG files are drawn by rsvg-convert, which is not installed; on Debian and Ubuntu it "
                + "is in the package librsvg2-bin. Or ask for .svg or .html, which need nothing"
        case .failed(let path, let reason): "\(path): rsvg-convert could not draw it: \(reason)"
        }
    }
}

extension Figure {
    /// Writes the figure as a PNG file, with the program rsvg-convert of librsvg.
    ///
    /// - Parameters:
    ///   - path: The file; it appears when it is complete.
    ///   - theme: Its colours.
    ///   - width: In pixels of the drawing, at least 320.
    ///   - scale: Pixels of the file to one of the drawing.
    /// - Throws: ``PNGError``; what Foundation throws when the file cannot be written.
    public func writePNG(
        to path: String, theme: Theme = .light, width: Double = 720, scale: Double = 2
    ) throws {
        let names = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let program = names.split(separator: ":").map { $0 + "/rsvg-convert" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let program else { throw PNGError.noRasterizer }
        let target = URL(fileURLWithPath: path)
        let base =
            target.deletingLastPathComponent().path
            + "/.\(target.lastPathComponent).\(UUID().uuidString.prefix(8))"
        let (drawing, picture) = (base + ".svg", base + ".partial")
        defer {
            for file in [drawing, picture] { try? FileManager.default.removeItem(atPath: file) }
        }
        try Data(svg(theme: theme, width: width).utf8).write(to: URL(fileURLWithPath: drawing))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--zoom", "\(scale)", "--output", picture, drawing]
        let messages = Pipe()
        process.standardError = messages
        try process.run()
        let text = String(
            decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0,
            let bytes = FileManager.default.contents(atPath: picture)
        else {
            let reason = text.trimmingCharacters(in: .whitespacesAndNewlines)
            throw PNGError.failed(path: path, reason: reason)
        }
        try bytes.write(to: target, options: .atomic)
    }
}
