// What multiplying and decoding packed codes with AVX2 share: a run of 32 codes as bytes in element
// order. The layout is described beside PackedCodes in HalftoneKernels.
#ifndef HALFTONE_PACKED_AVX2_H
#define HALFTONE_PACKED_AVX2_H

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define PACKED_AVX2 __attribute__((target("avx2,fma")))
/// For functions that are meant to be compiled once per number of bits.
#define PACKED_INLINE __attribute__((target("avx2,fma"), always_inline)) static inline

/// 32 codes of a 4-bit chunk: low nibbles to the lower half, high nibbles to the upper.
PACKED_INLINE __m256i packed_chunk4(const uint8_t *chunk) {
    __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)chunk));
    bytes = _mm256_srlv_epi64(bytes, _mm256_setr_epi64x(0, 0, 4, 4));
    return _mm256_and_si256(bytes, _mm256_set1_epi8(15));
}

/// 32 codes of a 2-bit chunk: one shift for each quarter.
PACKED_INLINE __m256i packed_chunk2(const uint8_t *chunk) {
    int64_t word;
    memcpy(&word, chunk, 8);
    __m256i bytes = _mm256_srlv_epi64(_mm256_set1_epi64x(word), _mm256_setr_epi64x(0, 2, 4, 6));
    return _mm256_and_si256(bytes, _mm256_set1_epi8(3));
}

/// Minus one in byte e where bit e of a 1-bit chunk is set, else 0.
PACKED_INLINE __m256i packed_chunk1_negated(const uint8_t *chunk) {
    int32_t word;
    memcpy(&word, chunk, 4);
    const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
                                              0x0303030303030303);
    const __m256i select = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(word), spread);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, select), select);
}

/// The 32 codes of a run, 0 to 2^bits - 1, byte e for element e.
PACKED_INLINE __m256i packed_codes(const uint8_t *run, const int bits) {
    if (bits == 8) return _mm256_loadu_si256((const __m256i *)run);
    __m256i codes = _mm256_setzero_si256();
    if (bits & 4) {
        codes = packed_chunk4(run);
        run += 16;
    }
    if (bits & 2) {
        __m256i two = packed_chunk2(run);
        // Codes so far are below 16, so nothing crosses into the next byte.
        codes = bits & 4 ? _mm256_add_epi8(_mm256_slli_epi16(codes, 2), two) : two;
        run += 8;
    }
    if (bits & 1) {
        if (bits > 1) codes = _mm256_add_epi8(codes, codes);
        codes = _mm256_sub_epi8(codes, packed_chunk1_negated(run));
    }
    return codes;
}

/// The code in the middle of the range, which is taken off so that codes are signed bytes with
/// small sums; 0 at one bit.
PACKED_INLINE int packed_middle(const int bits) { return bits > 1 ? 1 << (bits - 1) : 0; }

/// The codes of a run less the middle code, as signed bytes.
PACKED_INLINE __m256i packed_centred(const uint8_t *run, const int bits) {
    __m256i codes = packed_codes(run, bits);
    if (bits == 1) return codes;
    return _mm256_sub_epi8(codes, _mm256_set1_epi8((char)packed_middle(bits)));
}

/// Eight of 32 signed bytes as floats, from element 8 · quarter on.
PACKED_INLINE __m256 packed_floats(__m256i codes, const int quarter) {
    __m128i half = quarter < 2 ? _mm256_castsi256_si128(codes) : _mm256_extracti128_si256(codes, 1);
    if (quarter & 1) half = _mm_srli_si128(half, 8);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(half));
}

#endif
#endif
