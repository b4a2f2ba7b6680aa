// Instructions that Swift cannot spell. Every function that needs more than the plain
// instruction set of its architecture has a name that says which, and is called only after
// halftone_cpu_features() reported it.
#ifndef HALFTONE_SHIMS_H
#define HALFTONE_SHIMS_H

#include <stdint.h>

/// Bits of halftone_cpu_features().
enum {
    HALFTONE_CPU_AVX2_FMA = 1 << 0,   ///< AVX2, FMA and F16C, with the system saving ymm state.
    HALFTONE_CPU_AVX512 = 1 << 1,     ///< AVX-512 F, BW, VL and DQ.
    HALFTONE_CPU_AVX512_VNNI = 1 << 2 ///< AVX-512 VNNI.
};

/// The instruction sets that this processor and operating system offer.
uint32_t halftone_cpu_features(void);

// GGUF blocks. Types are the ids of the file format; 0 is returned, and nothing written, for a
// type without a fast form. Nothing needs alignment.

/// Decodes blocks to float32; needs HALFTONE_CPU_AVX2_FMA.
int32_t halftone_blocks_decode_avx2(int32_t type, const void *bytes, int64_t blocks,
                                    float *output);

/// Multiplies rows of whole blocks with a vector of `columns` values, whose runs of 16 sum to
/// `sums_of_16`; needs HALFTONE_CPU_AVX2_FMA.
int32_t halftone_blocks_dot_avx2(int32_t type, const void *bytes, int64_t row_bytes, int64_t rows,
                                 int64_t columns, const float *input, const float *sums_of_16,
                                 float *output);

#endif
