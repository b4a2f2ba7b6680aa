import CPNG

/// PNG through libpng's simplified interface, which reports errors by return values.
enum PNGFormat {
    static func decode(_ data: [UInt8], pixelLimit: Int) throws(ImageError) -> PixelImage {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { unsafe png_image_free(&image) }
        let result: Result<PixelImage, ImageError> = unsafe data.withUnsafeBytes { source in
            guard
                unsafe png_image_begin_read_from_memory(&image, source.baseAddress, source.count)
                    != 0
            else { return .failure(.damaged(reason: unsafe message(image))) }
            let (width, height) = unsafe (Int(image.width), Int(image.height))
            guard width > 0, height > 0, width <= pixelLimit / height else {
                return .failure(
                    .tooLarge(width: width, height: height, pixelLimit: pixelLimit))
            }
            unsafe image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
            var pixels = [UInt8](repeating: 0, count: width * height * 3)
            var black = png_color(red: 0, green: 0, blue: 0)
            let isRead = unsafe pixels.withUnsafeMutableBytes { target in
                unsafe png_image_finish_read(&image, &black, target.baseAddress, 0, nil)
            }
            guard isRead != 0 else { return .failure(.damaged(reason: unsafe message(image))) }
            return .success(PixelImage(width: width, height: height, pixels: pixels))
        }
        return try result.get()
    }

    static func encode(_ picture: PixelImage) throws(ImageError) -> [UInt8] {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        unsafe image.width = png_uint_32(picture.width)
        unsafe image.height = png_uint_32(picture.height)
        unsafe image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        defer { unsafe png_image_free(&image) }
        var size = png_alloc_size_t(0)
        // The first call says how many bytes the second one writes.
        let isMeasured = unsafe picture.pixels.withUnsafeBytes { source in
            unsafe png_image_write_to_memory(&image, nil, &size, 0, source.baseAddress, 0, nil)
        }
        guard isMeasured != 0 else { throw .cannotEncode(reason: unsafe message(image)) }
        var data = [UInt8](repeating: 0, count: Int(size))
        let isWritten = unsafe picture.pixels.withUnsafeBytes { source in
            unsafe data.withUnsafeMutableBytes { target in
                unsafe png_image_write_to_memory(
                    &image, target.baseAddress, &size, 0, source.baseAddress, 0, nil)
            }
        }
        guard isWritten != 0 else { throw .cannotEncode(reason: unsafe message(image)) }
        return Array(data.prefix(Int(size)))
    }

    private static func message(_ image: png_image) -> String {
        unsafe withUnsafeBytes(of: image.message) { bytes in
            var text: [UInt8] = []
            for index in 0..<bytes.count {
                let byte = unsafe bytes[index]
                if byte == 0 { break }
                text.append(byte)
            }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
