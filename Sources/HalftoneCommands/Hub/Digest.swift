import CLibCrypto

/// A SHA-1 or SHA-256 sum that is computed piece by piece with OpenSSL.
///
/// The one place outside of the kernels with pointers: every call below gets the context that this
/// value owns, or a buffer for the duration of the call.
@safe struct Digest: ~Copyable {
    /// Which sum is computed.
    enum Algorithm {
        /// What git names its objects by.
        case sha1
        /// What the hub names large files by.
        case sha256
    }

    private let context: OpaquePointer
    private let byteCount: Int

    /// Starts a sum, or returns nil when OpenSSL has no memory or refuses the algorithm.
    init?(_ algorithm: Algorithm) {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        let method = unsafe algorithm == .sha1 ? EVP_sha1() : EVP_sha256()
        guard unsafe EVP_DigestInit_ex(context, method, nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            return nil
        }
        unsafe self.context = context
        byteCount = algorithm == .sha1 ? 20 : 32
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds bytes.
    mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
    }

    /// The sum in hexadecimal digits; nothing can be added afterwards.
    consuming func hexadecimal() -> String {
        var sum = [UInt8](repeating: 0, count: byteCount)
        var length: UInt32 = 0
        unsafe sum.withUnsafeMutableBufferPointer { buffer in
            _ = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
        }
        let digits = Array("0123456789abcdef")
        return String(sum.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
