import _HalftoneShims

/// Which form of a kernel does the work.
package enum KernelForm: Sendable {
    /// The fastest form that this processor has.
    case best
    /// The form that every target has.
    case portable
}

/// What this processor offers, asked once.
enum Processor {
    /// The bits of `halftone_cpu_features`.
    static let features = halftone_cpu_features()

    /// AVX2, FMA and F16C.
    static let hasAVX2 = features & UInt32(HALFTONE_CPU_AVX2_FMA) != 0

    /// AVX2 and AVX-512 with its integer dot products, on registers of every width.
    static let hasVNNI = hasAVX2 && features & UInt32(HALFTONE_CPU_AVX512_VNNI) != 0
}
