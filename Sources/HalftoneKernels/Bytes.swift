#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An immutable run of bytes in memory or in a mapped file; slices share the owner.
///
/// Values are `Sendable` and cheap to copy. All multi-byte loads are little-endian and need no
/// alignment.
@safe
public struct Bytes: Sendable {
    private let owner: Region
    private let offset: Int

    /// The number of bytes.
    public let count: Int

    private init(owner: Region, offset: Int, count: Int) {
        self.owner = owner
        self.offset = offset
        self.count = count
    }

    private var start: UnsafeRawPointer { unsafe owner.base + offset }

    /// Copies an array.
    public init(_ array: [UInt8]) {
        let region = Region(allocating: array.count)
        unsafe array.withUnsafeBytes { source in
            if let base = source.baseAddress, source.count > 0 {
                unsafe region.mutableBase.copyMemory(from: base, byteCount: source.count)
            }
        }
        self.init(owner: region, offset: 0, count: array.count)
    }

    /// Makes a run of `count` bytes by letting a closure fill it.
    ///
    /// - Parameters:
    ///   - count: Bytes to allocate, aligned to 64; they are zero when the closure starts.
    ///   - initialize: Writes the contents.
    public init<Failure: Error>(
        count: Int, initializingWith initialize: (inout MutableRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        let region = Region(allocating: count)
        var span = unsafe MutableRawSpan(_unsafeStart: region.mutableBase, byteCount: count)
        try initialize(&span)
        self.init(owner: region, offset: 0, count: count)
    }

    /// Maps a whole file for reading.
    ///
    /// - Throws: ``BytesError`` with the system's reason, or when the path is not a regular file.
    ///   An empty file gives an empty run.
    public init(mapping path: String) throws(BytesError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw BytesError.cannotOpen(path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw BytesError.cannotOpen(path: path, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw BytesError.notARegularFile(path: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            self.init([])
            return
        }
        let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw BytesError.cannotOpen(path: path, code: errno)
        }
        let region = unsafe Region(address, .file(byteCount: size))
        self.init(owner: region, offset: 0, count: size)
    }

    /// Gives back the memory that whole pages of a mapped file take up in this process.
    ///
    /// For bytes that are not read again soon, or ever; when they are, the system brings them back.
    /// Bytes in memory of their own stay as they are.
    public func releasePages() {
        guard case .file = owner.origin else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        // The mapping begins with a page.
        let first = (offset + page - 1) / page * page
        let last = (offset + count) / page * page
        guard first < last else { return }
        unsafe madvise(owner.mutableBase + first, last - first, MADV_DONTNEED)
    }

    /// The bytes in a range, sharing this run's memory.
    ///
    /// - Parameter range: Within `0 ..< count`; anything else is a mistake of the caller.
    public subscript(range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of bounds")
        return Bytes(owner: owner, offset: offset + range.lowerBound, count: range.count)
    }

    /// The byte at an offset within `0 ..< count`.
    public subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < count, "offset out of bounds")
        return unsafe start.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// The little-endian integer at an offset; `offset + size of the type` is at most `count`.
    public func load<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type = Integer.self, at offset: Int
    ) -> Integer {
        precondition(
            offset >= 0 && offset <= count - MemoryLayout<Integer>.size, "load out of bounds")
        let raw = unsafe start.loadUnaligned(fromByteOffset: offset, as: Integer.self)
        return Integer(littleEndian: raw)
    }

    /// A view of the bytes that cannot outlive this value.
    public var span: RawSpan {
        @_lifetime(borrow self)
        get {
            let view = unsafe RawSpan(_unsafeStart: start, byteCount: count)
            return unsafe _overrideLifetime(view, borrowing: self)
        }
    }

    /// Calls a closure with the memory itself, for kernels.
    @unsafe
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A copy of the bytes.
    public var array: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The bytes as text, or nil when they are not valid UTF-8.
    public var utf8String: String? {
        unsafe String(validating: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

/// Why a file could not be mapped.
public enum BytesError: Error, Equatable, CustomStringConvertible {
    case cannotOpen(path: String, code: Int32)
    case notARegularFile(path: String)

    /// The path and the system's reason.
    public var description: String {
        switch self {
        case .cannotOpen(let path, let code):
            "\(path): \(unsafe String(cString: strerror(code)))"
        case .notARegularFile(let path):
            "\(path) is not a regular file"
        }
    }
}

/// Memory that is freed or unmapped when the last ``Bytes`` that shares it is gone.
@safe
private final class Region: @unchecked Sendable {
    /// Where memory comes from.
    enum Origin {
        case heap
        case system(byteCount: Int)
        case file(byteCount: Int)
    }

    let mutableBase: UnsafeMutableRawPointer
    let origin: Origin

    var base: UnsafeRawPointer { unsafe UnsafeRawPointer(mutableBase) }

    /// From this size on the system is asked for pages, which are zero when they are first touched
    /// and are touched by whoever fills them.
    private static let pagesFrom = 1 << 20

    /// Takes zeroed memory.
    init(allocating count: Int) {
        if count >= Self.pagesFrom {
            let address = unsafe mmap(
                nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
            if let address = unsafe address, unsafe address != MAP_FAILED {
                #if os(Linux)
                    unsafe madvise(address, count, MADV_HUGEPAGE)
                #endif
                unsafe mutableBase = address
                origin = .system(byteCount: count)
                return
            }
        }
        unsafe mutableBase = .allocate(byteCount: max(count, 1), alignment: 64)
        unsafe mutableBase.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
        origin = .heap
    }

    /// Takes over a mapping.
    init(_ address: UnsafeMutableRawPointer, _ origin: Origin) {
        unsafe mutableBase = address
        self.origin = origin
    }

    deinit {
        switch origin {
        case .heap: unsafe mutableBase.deallocate()
        case .system(let count), .file(let count): unsafe munmap(mutableBase, count)
        }
    }
}
