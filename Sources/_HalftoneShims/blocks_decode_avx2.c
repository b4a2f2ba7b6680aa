// Decoding GGUF blocks to float32 with AVX2, FMA and F16C. Every product and sum is rounded on its
// own, as in the definition (Blocks/BlockDecoding*.swift): results are equal bit for bit, but for
// the payload of NaNs.
#include "HalftoneShims.h"
#include "blocks_avx2.h"

#if defined(__x86_64__)
#pragma STDC FP_CONTRACT OFF

/// Stores scale · code for 16 signed bytes.
AVX2 static inline void put16(float *output, __m128i codes, __m256 scale) {
    _mm256_storeu_ps(output, _mm256_mul_ps(scale, floats_low(codes)));
    _mm256_storeu_ps(output + 8, _mm256_mul_ps(scale, floats_high(codes)));
}

/// Stores scale · code + offset for 16 signed bytes.
AVX2 static inline void put16_offset(float *output, __m128i codes, __m256 scale, __m256 offset) {
    __m256 low = _mm256_mul_ps(scale, floats_low(codes));
    __m256 high = _mm256_mul_ps(scale, floats_high(codes));
    _mm256_storeu_ps(output, _mm256_add_ps(low, offset));
    _mm256_storeu_ps(output + 8, _mm256_add_ps(high, offset));
}

AVX2 static inline void put32(float *output, __m256i codes, __m256 scale) {
    put16(output, _mm256_castsi256_si128(codes), scale);
    put16(output + 16, _mm256_extracti128_si256(codes, 1), scale);
}

AVX2 static inline void put32_offset(float *output, __m256i codes, __m256 scale, __m256 offset) {
    put16_offset(output, _mm256_castsi256_si128(codes), scale, offset);
    put16_offset(output + 16, _mm256_extracti128_si256(codes, 1), scale, offset);
}

AVX2 static void decode_f16(const uint8_t *b, int64_t count, float *output) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm_loadu_si128((const __m128i *)(b + 2 * i));
        _mm256_storeu_ps(output + i, _mm256_cvtph_ps(halves));
    }
    for (; i < count; i++) output[i] = half_at(b + 2 * i);
}

AVX2 static void decode_bf16(const uint8_t *b, int64_t count, float *output) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm_loadu_si128((const __m128i *)(b + 2 * i));
        __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16);
        _mm256_storeu_ps(output + i, _mm256_castsi256_ps(bits));
    }
    for (; i < count; i++) {
        uint32_t bits = (uint32_t)b[2 * i] << 16 | (uint32_t)b[2 * i + 1] << 24;
        memcpy(output + i, &bits, 4);
    }
}

AVX2 static void decode_q4_0(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 18, output += 32) {
        put32(output, q4_0_codes(b), _mm256_set1_ps(half_at(b)));
    }
}

AVX2 static void decode_q4_1(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 20, output += 32) {
        put32_offset(output, nibbles(b + 4), _mm256_set1_ps(half_at(b)),
                     _mm256_set1_ps(half_at(b + 2)));
    }
}

AVX2 static void decode_q5_0(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 22, output += 32) {
        put32(output, q5_0_codes(b), _mm256_set1_ps(half_at(b)));
    }
}

AVX2 static void decode_q5_1(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 24, output += 32) {
        put32_offset(output, q5_1_codes(b), _mm256_set1_ps(half_at(b)),
                     _mm256_set1_ps(half_at(b + 2)));
    }
}

AVX2 static void decode_q8_0(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 34, output += 32) {
        put32(output, load32(b + 2), _mm256_set1_ps(half_at(b)));
    }
}

/// Two-bit field `shift / 2` of 32 bytes.
AVX2 static inline __m256i two_bits(__m256i bytes, int shift) {
    return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8(3));
}

AVX2 static void decode_q2_k(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 84) {
        float d = half_at(b + 80), dmin = half_at(b + 82);
        for (int s = 0; s < 16; s += 2, output += 32) {
            __m256i codes = two_bits(load32(b + 16 + 32 * (s / 8)), s % 8);
            put16_offset(output, _mm256_castsi256_si128(codes),
                         _mm256_set1_ps(d * (float)(b[s] & 15)),
                         _mm256_set1_ps(-(dmin * (float)(b[s] >> 4))));
            put16_offset(output + 16, _mm256_extracti128_si256(codes, 1),
                         _mm256_set1_ps(d * (float)(b[s + 1] & 15)),
                         _mm256_set1_ps(-(dmin * (float)(b[s + 1] >> 4))));
        }
    }
}

AVX2 static void decode_q3_k(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 110) {
        float d = half_at(b + 108);
        const uint8_t *scales = b + 96;
        __m256i mask = load32(b);
        for (int s = 0; s < 16; s += 2, output += 32) {
            __m256i low = two_bits(load32(b + 32 + 32 * (s / 8)), s % 8);
            __m256i bit = _mm256_and_si256(_mm256_srli_epi16(mask, s / 2), _mm256_set1_epi8(1));
            // The code is low - 4 where the bit is clear: low + 4·bit - 4.
            __m256i codes = _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(bit, 2)),
                                            _mm256_set1_epi8(4));
            float scale[2];
            for (int k = 0; k < 2; k++) {
                int t = s + k;
                int four = t < 8 ? scales[t] & 15 : scales[t - 8] >> 4;
                int two = scales[8 + t % 4] >> (2 * (t / 4)) & 3;
                scale[k] = d * (float)((four | two << 4) - 32);
            }
            put16(output, _mm256_castsi256_si128(codes), _mm256_set1_ps(scale[0]));
            put16(output + 16, _mm256_extracti128_si256(codes, 1), _mm256_set1_ps(scale[1]));
        }
    }
}

/// Scales and negated mins of a Q4_K or Q5_K block.
AVX2 static inline void k_scales(const uint8_t *b, float scale[8], float offset[8]) {
    __m256 scales, mins;
    k_scales_and_mins(b + 4, &scales, &mins);
    __m256 negative = _mm256_set1_ps(-0.0f);
    _mm256_storeu_ps(scale, _mm256_mul_ps(_mm256_set1_ps(half_at(b)), scales));
    __m256 products = _mm256_mul_ps(_mm256_set1_ps(half_at(b + 2)), mins);
    _mm256_storeu_ps(offset, _mm256_xor_ps(products, negative));
}

AVX2 static void decode_q4_k(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 144) {
        float scale[8], offset[8];
        k_scales(b, scale, offset);
        for (int j = 0; j < 8; j += 2, output += 64) {
            __m256i bytes = load32(b + 16 + 16 * j);
            put32_offset(output, low_nibbles(bytes), _mm256_set1_ps(scale[j]),
                         _mm256_set1_ps(offset[j]));
            put32_offset(output + 32, high_nibbles(bytes), _mm256_set1_ps(scale[j + 1]),
                         _mm256_set1_ps(offset[j + 1]));
        }
    }
}

AVX2 static void decode_q5_k(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 176) {
        float scale[8], offset[8];
        k_scales(b, scale, offset);
        __m256i high = load32(b + 16);
        for (int j = 0; j < 8; j += 2, output += 64) {
            __m256i bytes = load32(b + 48 + 16 * j);
            put32_offset(output, _mm256_or_si256(low_nibbles(bytes), fifth_bit(high, j)),
                         _mm256_set1_ps(scale[j]), _mm256_set1_ps(offset[j]));
            put32_offset(output + 32,
                         _mm256_or_si256(high_nibbles(bytes), fifth_bit(high, j + 1)),
                         _mm256_set1_ps(scale[j + 1]), _mm256_set1_ps(offset[j + 1]));
        }
    }
}

AVX2 static void decode_q6_k(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 210) {
        float d = half_at(b + 208);
        const int8_t *scales = (const int8_t *)(b + 192);
        for (int g = 0; g < 8; g++, output += 32) {
            __m256i codes = q6_k_codes(b, g);
            put16(output, _mm256_castsi256_si128(codes),
                  _mm256_set1_ps(d * (float)scales[2 * g]));
            put16(output + 16, _mm256_extracti128_si256(codes, 1),
                  _mm256_set1_ps(d * (float)scales[2 * g + 1]));
        }
    }
}

AVX2 static void decode_iq4_nl(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 18, output += 32) {
        put32(output, looked_up(nibbles(b + 2), iq4_values()), _mm256_set1_ps(half_at(b)));
    }
}

AVX2 static void decode_iq4_xs(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 136) {
        float d = half_at(b);
        unsigned high = b[2] | (unsigned)b[3] << 8;
        for (int j = 0; j < 8; j++, output += 32) {
            int scale = (b[4 + j / 2] >> (4 * (j % 2)) & 15) | (int)(high >> (2 * j) & 3) << 4;
            put32(output, looked_up(nibbles(b + 8 + 16 * j), iq4_values()),
                  _mm256_set1_ps(d * (float)(scale - 32)));
        }
    }
}

AVX2 static void decode_mxfp4(const uint8_t *b, int64_t blocks, float *output) {
    for (int64_t i = 0; i < blocks; i++, b += 17, output += 32) {
        // 2^(e - 128), for the values of the table are doubled; the two smallest are subnormal.
        uint32_t bits = b[0] < 2 ? 0x00200000u << b[0] : (uint32_t)(b[0] - 1) << 23;
        __m256 scale = _mm256_castsi256_ps(_mm256_set1_epi32((int)bits));
        put32(output, looked_up(nibbles(b + 1), e2m1_doubled()), scale);
    }
}

int32_t halftone_blocks_decode_avx2(int32_t type, const void *bytes, int64_t blocks,
                                    float *output) {
    switch (type) {
    case 1: decode_f16(bytes, blocks, output); return 1;
    case 2: decode_q4_0(bytes, blocks, output); return 1;
    case 3: decode_q4_1(bytes, blocks, output); return 1;
    case 6: decode_q5_0(bytes, blocks, output); return 1;
    case 7: decode_q5_1(bytes, blocks, output); return 1;
    case 8: decode_q8_0(bytes, blocks, output); return 1;
    case 10: decode_q2_k(bytes, blocks, output); return 1;
    case 11: decode_q3_k(bytes, blocks, output); return 1;
    case 12: decode_q4_k(bytes, blocks, output); return 1;
    case 13: decode_q5_k(bytes, blocks, output); return 1;
    case 14: decode_q6_k(bytes, blocks, output); return 1;
    case 20: decode_iq4_nl(bytes, blocks, output); return 1;
    case 23: decode_iq4_xs(bytes, blocks, output); return 1;
    case 30: decode_bf16(bytes, blocks, output); return 1;
    case 39: decode_mxfp4(bytes, blocks, output); return 1;
    default: return 0;
    }
}

#else

int32_t halftone_blocks_decode_avx2(int32_t type, const void *bytes, int64_t blocks,
                                    float *output) {
    (void)type, (void)bytes, (void)blocks, (void)output;
    return 0;
}

#endif
