/// A run of float32 numbers with value semantics, aligned to 64 bytes.
///
/// Copies share memory until one of them is changed. Memory of arrays that are gone is kept for
/// new ones, up to the largest amount that was ever in use; see ``releaseUnusedMemory()``.
/// Equality is that of the numbers: NaN equals nothing, and −0 equals 0.
@safe
public struct FloatArray: Sendable {
    @usableFromInline var storage: FloatStorage

    /// The number of elements.
    public let count: Int

    private static let empty = FloatStorage(count: 0)

    /// Memory for `count` numbers, which are whatever the memory holds.
    ///
    /// - Parameter count: At least 0.
    package init(uninitializedCount count: Int) {
        precondition(count >= 0, "an array has no negative length")
        self.count = count
        storage = count == 0 ? Self.empty : FloatStorage(count: count)
    }

    /// `count` times the same number.
    public init(repeating value: Float, count: Int) {
        self.init(uninitializedCount: count)
        unsafe storage.base.initialize(repeating: value, count: count)
    }

    /// An empty array.
    public init() { self.init(uninitializedCount: 0) }

    /// Makes an array by letting a closure fill it.
    ///
    /// - Parameters:
    ///   - count: At least 0.
    ///   - initialize: Writes every element; what it leaves out is unspecified.
    public init<Failure: Error>(
        count: Int, initializingWith initialize: (inout MutableSpan<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(count >= 0, "an array has no negative length")
        let storage = FloatStorage(count: count)
        var span = unsafe MutableSpan(_unsafeStart: storage.base, count: count)
        try initialize(&span)
        self.storage = storage
        self.count = count
    }

    /// Copies a sequence.
    public init(_ elements: some Sequence<Float>) {
        let copy = elements.withContiguousStorageIfAvailable { source in
            let result = FloatArray(uninitializedCount: source.count)
            if let base = source.baseAddress, source.count > 0 {
                unsafe result.storage.base.initialize(from: base, count: source.count)
            }
            return result
        }
        if let copy {
            self = copy
            return
        }
        let array = Array(elements)
        self = FloatArray(array)
    }

    /// Gives memory that no array uses back to the system.
    public static func releaseUnusedMemory() { FloatMemory.release() }
}

extension FloatArray {
    /// A view of the elements that cannot outlive this value.
    public var span: Span<Float> {
        @_lifetime(borrow self)
        get {
            let view = unsafe Span(_unsafeStart: UnsafePointer(storage.base), count: count)
            return unsafe _overrideLifetime(view, borrowing: self)
        }
    }

    /// A view of the elements for changes; copies them first when they are shared.
    public var mutableSpan: MutableSpan<Float> {
        @_lifetime(&self)
        mutating get {
            makeUnique()
            let view = unsafe MutableSpan(_unsafeStart: storage.base, count: count)
            return unsafe _overrideLifetime(view, mutating: &self)
        }
    }

    /// A copy of the elements.
    public var array: [Float] {
        unsafe Array(UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// Where the elements lie, valid while this array lives.
    @unsafe var pointer: UnsafePointer<Float> { unsafe UnsafePointer(storage.base) }

    /// Where the elements lie, for changes; copies them first when they are shared.
    @unsafe @inlinable var mutablePointer: UnsafeMutablePointer<Float> {
        mutating get {
            makeUnique()
            return unsafe storage.base
        }
    }

    /// Whether no other array shares the memory, so that a change copies nothing.
    package var isUnique: Bool {
        mutating get { isKnownUniquelyReferenced(&storage) }
    }

    /// Replaces the elements by ones computed from them, in place when no other array shares them.
    ///
    /// - Parameter body: Reads all elements from the first address and writes all to the second,
    ///   which may be the same.
    @unsafe
    mutating func rewrite(_ body: (Shared, SharedMutable<Float>) -> Void) {
        guard count > 0 else { return }
        if isUnique {
            let base = unsafe storage.base
            unsafe body(Shared(UnsafePointer(base)), SharedMutable(base))
        } else {
            let result = FloatStorage(count: count)
            unsafe body(Shared(UnsafePointer(storage.base)), SharedMutable(result.base))
            storage = result
        }
    }

    @inlinable
    mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&storage) { copyStorage() }
    }

    @usableFromInline @inline(never)
    mutating func copyStorage() {
        guard count > 0 else { return }
        let copy = FloatStorage(count: count)
        unsafe copy.base.initialize(from: storage.base, count: count)
        storage = copy
    }
}

extension FloatArray: RandomAccessCollection, MutableCollection {
    /// 0.
    @inlinable public var startIndex: Int { 0 }

    /// The number of elements.
    @inlinable public var endIndex: Int { count }

    /// The element at an index within `0 ..< count`.
    @inlinable
    public subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "index out of bounds")
            return unsafe storage.base[index]
        }
        set {
            precondition(index >= 0 && index < count, "index out of bounds")
            unsafe mutablePointer[index] = newValue
        }
    }

    /// Calls a closure with the memory itself; it is always there.
    public func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result? {
        try unsafe body(UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// Calls a closure with the memory itself, copied first when it is shared.
    public mutating func withContiguousMutableStorageIfAvailable<Result>(
        _ body: (inout UnsafeMutableBufferPointer<Float>) throws -> Result
    ) rethrows -> Result? {
        var buffer = unsafe UnsafeMutableBufferPointer(start: mutablePointer, count: count)
        return try unsafe body(&buffer)
    }

    /// Calls a closure with the memory itself, for kernels.
    @unsafe
    public func withUnsafeBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeBufferPointer(start: storage.base, count: count))
    }
}

extension FloatArray: ExpressibleByArrayLiteral {
    /// The numbers of a literal.
    public init(arrayLiteral elements: Float...) { self.init(elements) }
}

extension FloatArray: Equatable {
    /// Whether both have the same numbers in the same order.
    public static func == (left: FloatArray, right: FloatArray) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count {
            if unsafe left.storage.base[index] != right.storage.base[index] { return false }
        }
        return true
    }
}

extension FloatArray: CustomStringConvertible {
    /// The numbers as an array shows them.
    public var description: String { array.description }
}
