import _HalftoneShims

/// Which form of a kernel does the work.
package enum KernelForm: Sendable {
    /// The fastest form that this processor has.
    case best
    /// The form that every target has.
    case portable
}

/// What this processor offers, asked once.
package enum Processor {
    /// The bits of `halftone_cpu_features`.
    package static let features = halftone_cpu_features()

    /// What kernels in C can be told to work with here: nothing special, what most processors of
    /// this kind have, all there is.
    package static let featureSets = [
        0, features & UInt32(HALFTONE_CPU_AVX2_FMA | HALFTONE_CPU_NEON), features,
    ]

    /// AVX2, FMA and F16C.
    static let hasAVX2 = features & UInt32(HALFTONE_CPU_AVX2_FMA) != 0
}
