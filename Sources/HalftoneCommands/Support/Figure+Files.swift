import HalftoneReport
import HalftoneRuns

extension Figure {
    /// Writes the figure as `PATH.svg` and `PATH.png`.
    ///
    /// - Returns: Why there is no PNG file, or nil when there is one: drawing it takes a program
    ///   that is not needed for anything else, and a long job does not fail for want of it.
    /// - Throws: What writing files throws.
    func write(to path: String) throws -> PNGError? {
        try AtomicFile.write(svg(), to: path + ".svg")
        do {
            try writePNG(to: path + ".png")
            return nil
        } catch let error as PNGError {
            return error
        }
    }
}
