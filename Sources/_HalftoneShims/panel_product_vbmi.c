// Panels with tables by AVX-512 VNNI and VBMI.
#include "HalftoneShims.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define PANEL_TARGET                                                                               \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,"            \
                          "avx512vbmi")))

PANEL_TARGET __attribute__((always_inline)) static inline __m512i
panel_dot(__m512i sum, __m512i codes, const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return _mm512_dpbusd_epi32(sum, codes, _mm512_set1_epi32(four));
}

PANEL_TARGET __attribute__((always_inline)) static inline __m512i
panel_permute(const uint8_t *table, const int bits, __m512i codes) {
    const __m512i *t = (const __m512i *)table;
    if (bits <= 4) return _mm512_shuffle_epi8(_mm512_loadu_si512(t), codes);
    if (bits <= 6) return _mm512_permutexvar_epi8(codes, _mm512_loadu_si512(t));
    __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(t), codes, _mm512_loadu_si512(t + 1));
    if (bits == 7) return low;
    __m512i high =
        _mm512_permutex2var_epi8(_mm512_loadu_si512(t + 2), codes, _mm512_loadu_si512(t + 3));
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high);
}

#define PANEL_NAME halftone_panel_product_vbmi
#define PANEL_MOST 16
#define PANEL_TOGETHER 2
#define PANEL_DOT(a, c, x) ((ints16)panel_dot((__m512i)(a), (__m512i)(c), x))
#define PANEL_HALVES(at) ((floats16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(at))))
#define PANEL_LOOKUP(t, c) ((bytes64)_mm512_shuffle_epi8((__m512i)(t), (__m512i)(c)))
#define PANEL_ENTRIES(t, b, c) ((bytes64)panel_permute(t, b, (__m512i)(c)))
#define PANEL_TABLES_ONLY
#include "panel_product.h"
#endif
