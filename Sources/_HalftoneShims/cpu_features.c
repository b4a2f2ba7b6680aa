#include "HalftoneShims.h"

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__aarch64__)
/// Whether the system says that the processor has dot products of bytes.
static int has_dotprod(void) {
#if defined(__APPLE__)
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, 0, 0) == 0 && value != 0;
#elif defined(__linux__)
    // HWCAP_ASIMDDP, which headers of old systems do not name.
    return (getauxval(AT_HWCAP) & 1ul << 20) != 0;
#else
    return 0;
#endif
}
#endif

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
#elif defined(__aarch64__)
    features |= HALFTONE_CPU_NEON;
    if (has_dotprod()) features |= HALFTONE_CPU_DOTPROD;
#endif
    return features;
}
