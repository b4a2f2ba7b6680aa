import CTurboJPEG

/// JPEG through TurboJPEG's interface, which reports errors by return values.
enum JPEGFormat {
    static func decode(_ data: [UInt8], pixelLimit: Int) throws(ImageError) -> PixelImage {
        guard let decoder = unsafe tjInitDecompress() else {
            throw .damaged(reason: "no memory for a decoder")
        }
        defer { unsafe _ = tjDestroy(decoder) }
        let result: Result<PixelImage, ImageError> = unsafe data.withUnsafeBufferPointer { source in
            var (width, height, sampling, colors) = (Int32(0), Int32(0), Int32(0), Int32(0))
            let size = UInt(source.count)
            guard
                unsafe tjDecompressHeader3(
                    decoder, source.baseAddress, size, &width, &height, &sampling, &colors) == 0,
                width > 0, height > 0
            else { return .failure(.damaged(reason: unsafe message(decoder))) }
            guard Int(width) <= pixelLimit / Int(height) else {
                return .failure(
                    .tooLarge(width: Int(width), height: Int(height), pixelLimit: pixelLimit))
            }
            var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * 3)
            // A file cut short is an error, and one with thousands of passes is refused.
            let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
            let status = unsafe pixels.withUnsafeMutableBufferPointer { target in
                unsafe tjDecompress2(
                    decoder, source.baseAddress, size, target.baseAddress, width, 0, height,
                    Int32(TJPF_RGB.rawValue), flags)
            }
            guard status == 0 else {
                return .failure(.damaged(reason: unsafe message(decoder)))
            }
            return .success(
                PixelImage(width: Int(width), height: Int(height), pixels: pixels))
        }
        return try result.get()
    }

    private static func message(_ decoder: tjhandle) -> String {
        guard let text = unsafe tjGetErrorStr2(decoder) else { return "no reason given" }
        return unsafe String(cString: text)
    }
}
