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

#endif
