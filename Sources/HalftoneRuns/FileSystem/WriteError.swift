#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a file could not be written.
public enum WriteError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotCreate(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    case cannotRename(path: String, reason: String)
    case notARegularFile(path: String)
    case notEnoughSpace(path: String, needed: Int, available: Int)
    case alreadyClosed(path: String)

    /// The file and the system's reason.
    public var description: String {
        switch self {
        case .cannotCreate(let path, let reason): "\(path) cannot be created: \(reason)"
        case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason)"
        case .cannotRename(let path, let reason): "\(path) cannot be replaced: \(reason)"
        case .notARegularFile(let path):
            "\(path) exists and is not a regular file; give another name"
        case .notEnoughSpace(let path, let needed, let available):
            "\(path): \(needed) bytes are needed and \(available) are free on that disk"
        case .alreadyClosed(let path): "\(path) has been finished or abandoned already"
        }
    }
}

/// The system's words for an error number.
func systemReason(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}
