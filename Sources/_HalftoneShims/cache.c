// Products with packed keys and values. Products and sums are fused everywhere, by the C library
// where there is no instruction for it, so that every instruction set gives the same bits.
#include "HalftoneShims.h"
#include "lanes.h"

/// Groups of scales that a sum runs over at most: 1024 channels or tokens in runs of sixteen.
enum { CACHE_GROUPS = 64 };

typedef uint32_t lane_words __attribute__((ext_vector_type(16)));
typedef uint8_t cache_bytes __attribute__((ext_vector_type(16)));
typedef float cache_eight __attribute__((ext_vector_type(8)));
typedef float cache_four __attribute__((ext_vector_type(4)));
typedef float cache_two __attribute__((ext_vector_type(2)));
typedef uint16_t cache_halves __attribute__((ext_vector_type(16)));

typedef void cache_panels_function(const struct halftone_cache_panels *, int64_t, const float *,
                                   int64_t, int64_t, float *, int64_t);

/// The codes of four and of two bits as numbers, whatever lies above them.
static const float cache_numbers_4[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                          8, 9, 10, 11, 12, 13, 14, 15};
static const float cache_numbers_2[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};

/// `x · y + z`, rounded once.
#define cache_fused(x, y, z) __builtin_elementwise_fma(x, y, z)

/// float16 by the operations on floats: exponents of 0 and 31 included.
LANES_INLINE lanes cache_halves_plain(const uint8_t *at) {
    cache_halves halves;
    memcpy(&halves, at, sizeof halves);
    lane_bits bits = __builtin_convertvector(halves, lane_bits);
    lane_bits size = (bits & 0x7FFF) << 13;
    lane_bits special = (lane_bits)(size >= 0x0F800000) & 0x7F800000;
    // A power of two moves the exponent, and makes numbers of what has none.
    lane_bits number = (lane_bits)((lanes)size * 0x1p112f);
    return (lanes)(number | special | (bits & 0x8000) << 16);
}

LANES_INLINE lanes cache_lookup_plain(const float *table, lane_bits codes) {
    lanes value;
    for (int lane = 0; lane < LANES; lane++) value[lane] = table[codes[lane]];
    return value;
}

#define CACHE_NAME(name) cache_plain_##name
#define CACHE_MOST 1
#define CACHE_TARGET
#define CACHE_HALVES(at) cache_halves_plain(at)
#define CACHE_LOOKUP(table, codes) cache_lookup_plain(table, codes)
#define CACHE_PERMUTES 0
#include "cache_kernels.h"
#undef CACHE_NAME
#undef CACHE_MOST
#undef CACHE_TARGET
#undef CACHE_HALVES
#undef CACHE_LOOKUP
#undef CACHE_PERMUTES

#if defined(__x86_64__)
#include <immintrin.h>

#define CACHE_MOST 4

union cache_parts {
    lanes values;
    lane_bits bits;
    __m256 floats[2];
    __m256i integers[2];
};

#define CACHE_TARGET __attribute__((target("avx2,fma,f16c")))

CACHE_TARGET __attribute__((always_inline)) static inline lanes
cache_halves_avx2(const uint8_t *at) {
    union cache_parts parts;
    parts.floats[0] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
    parts.floats[1] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(at + 16)));
    return parts.values;
}

CACHE_TARGET __attribute__((always_inline)) static inline lanes
cache_lookup_avx2(const float *table, lane_bits codes) {
    union cache_parts parts = {.bits = codes};
    __m256 low = _mm256_loadu_ps(table), high = _mm256_loadu_ps(table + 8);
    for (int i = 0; i < 2; i++) {
        __m256i code = parts.integers[i];
        parts.floats[i] = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, code),
                                           _mm256_permutevar8x32_ps(high, code),
                                           _mm256_castsi256_ps(_mm256_slli_epi32(code, 28)));
    }
    return parts.values;
}

#define CACHE_NAME(name) cache_avx2_##name
#define CACHE_HALVES(at) cache_halves_avx2(at)
#define CACHE_LOOKUP(table, codes) cache_lookup_avx2(table, codes)
#define CACHE_PERMUTES 0
#include "cache_kernels.h"
#undef CACHE_NAME
#undef CACHE_TARGET
#undef CACHE_HALVES
#undef CACHE_LOOKUP
#undef CACHE_PERMUTES

#define CACHE_TARGET __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#define CACHE_PERMUTES 1
#define CACHE_NAME(name) cache_avx512_##name
#define CACHE_HALVES(at) ((lanes)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(at))))
#define CACHE_LOOKUP(table, codes)                                                                 \
    ((lanes)_mm512_permutexvar_ps((__m512i)(codes), _mm512_loadu_ps(table)))
#include "cache_kernels.h"
#undef CACHE_NAME

#define CACHE_CALL(name, arguments)                                                                \
    if (features & HALFTONE_CPU_AVX512) {                                                          \
        cache_avx512_##name arguments;                                                             \
    } else if (features & HALFTONE_CPU_AVX2_FMA) {                                                 \
        cache_avx2_##name arguments;                                                               \
    } else {                                                                                       \
        cache_plain_##name arguments;                                                              \
    }
#else
#define CACHE_CALL(name, arguments)                                                                \
    (void)features;                                                                                \
    cache_plain_##name arguments;
#endif

void halftone_cache_multiply(uint32_t features, const struct halftone_cache_panels *panels,
                             const float *x, int64_t x_stride, int64_t queries, int64_t steps,
                             float *output, int64_t output_stride) {
    CACHE_CALL(multiply, (panels, x, x_stride, queries, steps, output, output_stride))
}

void halftone_cache_fold(uint32_t features, const struct halftone_cache_panels *panels,
                         const float *x, int64_t x_stride, int64_t queries, int64_t steps,
                         float *folded, int64_t folded_stride, float *constants) {
    CACHE_CALL(fold,
               (panels, x, x_stride, queries, steps, folded, folded_stride, constants))
}

void halftone_cache_decode(uint32_t features, const struct halftone_cache_panels *panels,
                           int64_t steps, float *output, int64_t output_stride) {
    CACHE_CALL(decode, (panels, steps, output, output_stride))
}
