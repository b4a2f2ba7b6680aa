#include "HalftoneShims.h"

uint32_t halftone_cpu_features(void) {
    uint32_t features = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        features |= HALFTONE_CPU_AVX2_FMA;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        features |= HALFTONE_CPU_AVX512;
        if (__builtin_cpu_supports("avx512vnni")) {
            features |= HALFTONE_CPU_AVX512_VNNI;
        }
        if (__builtin_cpu_supports("avx512vbmi")) {
            features |= HALFTONE_CPU_AVX512_VBMI;
        }
    }
#endif
    return features;
}
