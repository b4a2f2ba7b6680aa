// Products of packed codes with signed bytes by AVX2.
//
// Pairs are summed in 16 bits: codes of up to 7 bits fit, 2 · 127 · 127 < 2^15. The eighth bit of
// wider codes is multiplied on its own.
#define INT8_TARGET "avx2,fma"
#define INT8_DOT(codes, input)                                                                     \
    (BITS == 8 ? int8_pairs8(codes, input) : int8_pairs7(codes, input))
#define INT8_FUNCTION halftone_packed_dot_int8_avx2

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"), always_inline)) static inline __m256i
int8_pairs7(__m256i codes, __m256i input) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, input), _mm256_set1_epi16(1));
}

__attribute__((target("avx2"), always_inline)) static inline __m256i
int8_pairs8(__m256i codes, __m256i input) {
    __m256i low = _mm256_and_si256(codes, _mm256_set1_epi8(127));
    __m256i top = _mm256_and_si256(_mm256_srli_epi16(codes, 7), _mm256_set1_epi8(1));
    return _mm256_add_epi32(int8_pairs7(low, input),
                            _mm256_slli_epi32(int8_pairs7(top, input), 7));
}
#endif

#include "packed_dot_int8.h"
