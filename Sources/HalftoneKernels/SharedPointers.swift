/// A pointer that several threads read.
@unsafe
struct Shared: @unchecked Sendable {
    let pointer: UnsafePointer<Float>
    init(_ pointer: UnsafePointer<Float>) { unsafe self.pointer = pointer }
}

/// A pointer that several threads write through, each to its own part.
@unsafe
struct SharedMutable<Element>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Element>
    init(_ pointer: UnsafeMutablePointer<Element>) { unsafe self.pointer = pointer }
}
