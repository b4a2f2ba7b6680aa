// Panels by AVX2.
//
// Pairs of products are summed in 16 bits. Codes of up to 7 bits fit: 2 · 127 · 127 < 2^15; the
// eighth bit of wider ones is multiplied on its own.
#include "HalftoneShims.h"

#if defined(__x86_64__)
#include "panel_types.h"
#include <immintrin.h>

#define PANEL_TARGET __attribute__((target("avx2,fma,f16c")))
#define PANEL_INLINE2 PANEL_TARGET __attribute__((always_inline)) static inline

PANEL_INLINE2 __m256i panel_pairs(__m256i codes, __m256i x) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1));
}

PANEL_INLINE2 __m256i panel_dot32(__m256i sum, __m256i codes, __m256i x, const int wide) {
    if (!wide) return _mm256_add_epi32(sum, panel_pairs(codes, x));
    __m256i low = _mm256_and_si256(codes, _mm256_set1_epi8(127));
    __m256i top = _mm256_and_si256(_mm256_srli_epi16(codes, 7), _mm256_set1_epi8(1));
    sum = _mm256_add_epi32(sum, panel_pairs(low, x));
    return _mm256_add_epi32(sum, _mm256_slli_epi32(panel_pairs(top, x), 7));
}

union panel_parts {
    bytes64 bytes;
    ints16 ints;
    floats16 floats;
    __m256i half[2];
    __m256 floats8[2];
};

PANEL_INLINE2 ints16 panel_dot(ints16 sum, bytes64 codes, const int8_t *x, const int wide) {
    int32_t four;
    memcpy(&four, x, 4);
    __m256i all = _mm256_set1_epi32(four);
    union panel_parts s = {.ints = sum}, c = {.bytes = codes};
    s.half[0] = panel_dot32(s.half[0], c.half[0], all, wide);
    s.half[1] = panel_dot32(s.half[1], c.half[1], all, wide);
    return s.ints;
}

PANEL_INLINE2 floats16 panel_halves16(const uint8_t *at) {
    union panel_parts f;
    f.floats8[0] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
    f.floats8[1] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(at + 16)));
    return f.floats;
}

PANEL_INLINE2 bytes64 panel_lookup(bytes64 table, bytes64 codes) {
    union panel_parts t = {.bytes = table}, c = {.bytes = codes};
    c.half[0] = _mm256_shuffle_epi8(t.half[0], c.half[0]);
    c.half[1] = _mm256_shuffle_epi8(t.half[0], c.half[1]);
    return c.bytes;
}

#define PANEL_NAME halftone_panel_product_avx2
#define PANEL_MOST 4
#define PANEL_TOGETHER 1
#define PANEL_DOT(a, c, x) panel_dot(a, c, x, BITS == 8 || TABLE)
#define PANEL_HALVES(at) panel_halves16(at)
#define PANEL_LOOKUP(t, c) panel_lookup(t, c)
#include "panel_product.h"
#endif
