// What decoding and multiplying GGUF blocks with AVX2 share: the codes of a block as signed bytes.
#ifndef HALFTONE_BLOCKS_AVX2_H
#define HALFTONE_BLOCKS_AVX2_H

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))

/// The binary16 number at an address.
AVX2 static inline float half_at(const uint8_t *address) {
    uint16_t bits;
    memcpy(&bits, address, 2);
    return _cvtsh_ss(bits);
}

AVX2 static inline __m256i load32(const uint8_t *address) {
    return _mm256_loadu_si256((const __m256i *)address);
}

/// The first eight of 16 signed bytes as floats.
AVX2 static inline __m256 floats_low(__m128i codes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
}

/// The last eight of 16 signed bytes as floats.
AVX2 static inline __m256 floats_high(__m128i codes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(codes, 8)));
}

AVX2 static inline __m256i low_nibbles(__m256i bytes) {
    return _mm256_and_si256(bytes, _mm256_set1_epi8(15));
}

AVX2 static inline __m256i high_nibbles(__m256i bytes) {
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
}

/// 32 codes of 16 bytes: the low nibbles of all, then the high nibbles of all.
AVX2 static inline __m256i nibbles(const uint8_t *address) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)address);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes),
                                           _mm_srli_epi16(bytes, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/// 0xFF in byte e where bit e of the four bytes is clear, 0 where it is set.
AVX2 static inline __m256i clear_bits(const uint8_t *address) {
    uint32_t bits;
    memcpy(&bits, address, 4);
    const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
                                              0x0303030303030303);
    const __m256i select = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), spread);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, select), _mm256_setzero_si256());
}

AVX2 static inline __m256i q4_0_codes(const uint8_t *block) {
    return _mm256_sub_epi8(nibbles(block + 2), _mm256_set1_epi8(8));
}

/// Nibble + 16·bit - 16, which is the nibble with 0xF0 set where the bit is clear.
AVX2 static inline __m256i q5_0_codes(const uint8_t *block) {
    __m256i clear = _mm256_and_si256(clear_bits(block + 2), _mm256_set1_epi8((char)0xF0));
    return _mm256_or_si256(nibbles(block + 6), clear);
}

AVX2 static inline __m256i q5_1_codes(const uint8_t *block) {
    __m256i set = _mm256_andnot_si256(clear_bits(block + 4), _mm256_set1_epi8(16));
    return _mm256_or_si256(nibbles(block + 8), set);
}

/// The eight scales and mins of Q4_K and Q5_K, six bits each in twelve bytes.
AVX2 static inline void k_scales_and_mins(const uint8_t *packed, __m256 *scales, __m256 *mins) {
    uint32_t a, b, c;
    memcpy(&a, packed, 4);
    memcpy(&b, packed + 4, 4);
    memcpy(&c, packed + 8, 4);
    uint64_t scale_low = a & 0x3F3F3F3F;
    uint64_t scale_high = (c & 0x0F0F0F0F) | (a >> 2 & 0x30303030);
    uint64_t min_low = b & 0x3F3F3F3F;
    uint64_t min_high = (c >> 4 & 0x0F0F0F0F) | (b >> 2 & 0x30303030);
    __m128i scale_codes = _mm_cvtsi64_si128((long long)(scale_low | scale_high << 32));
    __m128i min_codes = _mm_cvtsi64_si128((long long)(min_low | min_high << 32));
    *scales = floats_low(scale_codes);
    *mins = floats_low(min_codes);
}

/// 16 in each byte whose bit j is set.
AVX2 static inline __m256i fifth_bit(__m256i high, int j) {
    __m256i bit = _mm256_and_si256(_mm256_srli_epi16(high, j), _mm256_set1_epi8(1));
    return _mm256_slli_epi16(bit, 4);
}

/// The 32 codes, minus 32, of group g = 0...7 of a Q6_K block.
AVX2 static inline __m256i q6_k_codes(const uint8_t *block, int g) {
    int half = g / 4, quarter = g % 4;
    __m256i bytes = load32(block + 64 * half + 32 * (quarter & 1));
    __m256i low = quarter < 2 ? low_nibbles(bytes) : high_nibbles(bytes);
    __m256i high = _mm256_srli_epi16(load32(block + 128 + 32 * half), 2 * quarter);
    high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(3)), 4);
    return _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
}

/// The bytes of a table of 16 that 32 codes point to.
AVX2 static inline __m256i looked_up(__m256i codes, __m128i table) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), codes);
}

AVX2 static inline __m128i iq4_values(void) {
    return _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89,
                         113);
}

AVX2 static inline __m128i e2m1_doubled(void) {
    return _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
}

#endif
#endif
