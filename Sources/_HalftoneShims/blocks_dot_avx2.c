// Products of rows of GGUF blocks with a float32 vector, with AVX2, FMA and F16C. The weights are
// never stored: codes become floats in registers, meet the vector, and the scale is applied to the
// sum of a block.
#include "HalftoneShims.h"
#include "blocks_avx2.h"

#if defined(__x86_64__)

AVX2 static inline float total(__m256 x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// Eight partial sums of code · value over 16 signed bytes.
AVX2 static inline __m256 sum16(__m128i codes, const float *x) {
    __m256 sum = _mm256_mul_ps(floats_low(codes), _mm256_loadu_ps(x));
    return _mm256_fmadd_ps(floats_high(codes), _mm256_loadu_ps(x + 8), sum);
}

/// Eight partial sums of code · value over 32 signed bytes.
AVX2 static inline __m256 sum32(__m256i codes, const float *x) {
    __m128i low = _mm256_castsi256_si128(codes), high = _mm256_extracti128_si256(codes, 1);
    __m256 a = sum16(low, x);
    __m256 b = sum16(high, x + 16);
    return _mm256_add_ps(a, b);
}

AVX2 static float dot_f32(const uint8_t *b, int64_t columns, const float *x) {
    __m256 a0 = _mm256_setzero_ps(), a1 = a0, a2 = a0, a3 = a0;
    int64_t i = 0;
    for (; i + 32 <= columns; i += 32) {
        const float *w = (const float *)(const void *)(b + 4 * i);
        a0 = _mm256_fmadd_ps(_mm256_loadu_ps(w), _mm256_loadu_ps(x + i), a0);
        a1 = _mm256_fmadd_ps(_mm256_loadu_ps(w + 8), _mm256_loadu_ps(x + i + 8), a1);
        a2 = _mm256_fmadd_ps(_mm256_loadu_ps(w + 16), _mm256_loadu_ps(x + i + 16), a2);
        a3 = _mm256_fmadd_ps(_mm256_loadu_ps(w + 24), _mm256_loadu_ps(x + i + 24), a3);
    }
    float sum = total(_mm256_add_ps(_mm256_add_ps(a0, a1), _mm256_add_ps(a2, a3)));
    for (; i < columns; i++) {
        float w;
        memcpy(&w, b + 4 * i, 4);
        sum += w * x[i];
    }
    return sum;
}

AVX2 static inline __m256 halves(const uint8_t *b) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)b));
}

AVX2 static float dot_f16(const uint8_t *b, int64_t columns, const float *x) {
    __m256 a0 = _mm256_setzero_ps(), a1 = a0, a2 = a0, a3 = a0;
    int64_t i = 0;
    for (; i + 32 <= columns; i += 32) {
        const uint8_t *w = b + 2 * i;
        a0 = _mm256_fmadd_ps(halves(w), _mm256_loadu_ps(x + i), a0);
        a1 = _mm256_fmadd_ps(halves(w + 16), _mm256_loadu_ps(x + i + 8), a1);
        a2 = _mm256_fmadd_ps(halves(w + 32), _mm256_loadu_ps(x + i + 16), a2);
        a3 = _mm256_fmadd_ps(halves(w + 48), _mm256_loadu_ps(x + i + 24), a3);
    }
    float sum = total(_mm256_add_ps(_mm256_add_ps(a0, a1), _mm256_add_ps(a2, a3)));
    for (; i < columns; i++) sum += half_at(b + 2 * i) * x[i];
    return sum;
}

AVX2 static inline __m256 brain_floats(const uint8_t *b) {
    __m128i bits = _mm_loadu_si128((const __m128i *)b);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

AVX2 static float dot_bf16(const uint8_t *b, int64_t columns, const float *x) {
    __m256 a0 = _mm256_setzero_ps(), a1 = a0, a2 = a0, a3 = a0;
    int64_t i = 0;
    for (; i + 32 <= columns; i += 32) {
        const uint8_t *w = b + 2 * i;
        a0 = _mm256_fmadd_ps(brain_floats(w), _mm256_loadu_ps(x + i), a0);
        a1 = _mm256_fmadd_ps(brain_floats(w + 16), _mm256_loadu_ps(x + i + 8), a1);
        a2 = _mm256_fmadd_ps(brain_floats(w + 32), _mm256_loadu_ps(x + i + 16), a2);
        a3 = _mm256_fmadd_ps(brain_floats(w + 48), _mm256_loadu_ps(x + i + 24), a3);
    }
    float sum = total(_mm256_add_ps(_mm256_add_ps(a0, a1), _mm256_add_ps(a2, a3)));
    for (; i < columns; i++) {
        uint32_t bits = (uint32_t)b[2 * i] << 16 | (uint32_t)b[2 * i + 1] << 24;
        float w;
        memcpy(&w, &bits, 4);
        sum += w * x[i];
    }
    return sum;
}

AVX2 static float dot_q4_0(const uint8_t *b, int64_t columns, const float *x) {
    __m256 sum = _mm256_setzero_ps();
    for (int64_t i = 0; i < columns; i += 32, b += 18) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(half_at(b)), sum32(q4_0_codes(b), x + i), sum);
    }
    return total(sum);
}

AVX2 static float dot_q5_0(const uint8_t *b, int64_t columns, const float *x) {
    __m256 sum = _mm256_setzero_ps();
    for (int64_t i = 0; i < columns; i += 32, b += 22) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(half_at(b)), sum32(q5_0_codes(b), x + i), sum);
    }
    return total(sum);
}

AVX2 static float dot_q8_0(const uint8_t *b, int64_t columns, const float *x) {
    __m256 sum = _mm256_setzero_ps();
    for (int64_t i = 0; i < columns; i += 32, b += 34) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(half_at(b)), sum32(load32(b + 2), x + i), sum);
    }
    return total(sum);
}

AVX2 static float dot_q4_1(const uint8_t *b, int64_t columns, const float *x,
                           const float *sums) {
    __m256 sum = _mm256_setzero_ps();
    float offset = 0;
    for (int64_t i = 0; i < columns; i += 32, b += 20, sums += 2) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(half_at(b)), sum32(nibbles(b + 4), x + i), sum);
        offset += half_at(b + 2) * (sums[0] + sums[1]);
    }
    return total(sum) + offset;
}

AVX2 static float dot_q5_1(const uint8_t *b, int64_t columns, const float *x,
                           const float *sums) {
    __m256 sum = _mm256_setzero_ps();
    float offset = 0;
    for (int64_t i = 0; i < columns; i += 32, b += 24, sums += 2) {
        sum = _mm256_fmadd_ps(_mm256_set1_ps(half_at(b)), sum32(q5_1_codes(b), x + i), sum);
        offset += half_at(b + 2) * (sums[0] + sums[1]);
    }
    return total(sum) + offset;
}

/// The sums of eight runs of 32 from 16 sums of 16.
AVX2 static inline __m256 sums_of_32(const float *sums) {
    __m256 pairs = _mm256_hadd_ps(_mm256_loadu_ps(sums), _mm256_loadu_ps(sums + 8));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xD8));
}

/// Lane j of eight scales in every lane.
AVX2 static inline __m256 lane(__m256 scales, int j) {
    return _mm256_permutevar8x32_ps(scales, _mm256_set1_epi32(j));
}

AVX2 static float dot_q4_k(const uint8_t *b, int64_t columns, const float *x,
                           const float *sums) {
    __m256 sum = _mm256_setzero_ps(), offset = sum;
    for (int64_t i = 0; i < columns; i += 256, b += 144, sums += 16) {
        __m256 scales, mins;
        k_scales_and_mins(b + 4, &scales, &mins);
        scales = _mm256_mul_ps(scales, _mm256_set1_ps(half_at(b)));
        mins = _mm256_mul_ps(mins, _mm256_set1_ps(half_at(b + 2)));
        offset = _mm256_fmadd_ps(mins, sums_of_32(sums), offset);
        for (int j = 0; j < 8; j += 2) {
            __m256i bytes = load32(b + 16 + 16 * j);
            const float *v = x + i + 32 * j;
            sum = _mm256_fmadd_ps(lane(scales, j), sum32(low_nibbles(bytes), v), sum);
            sum = _mm256_fmadd_ps(lane(scales, j + 1), sum32(high_nibbles(bytes), v + 32), sum);
        }
    }
    return total(_mm256_sub_ps(sum, offset));
}

AVX2 static float dot_q5_k(const uint8_t *b, int64_t columns, const float *x,
                           const float *sums) {
    __m256 sum = _mm256_setzero_ps(), offset = sum;
    for (int64_t i = 0; i < columns; i += 256, b += 176, sums += 16) {
        __m256 scales, mins;
        k_scales_and_mins(b + 4, &scales, &mins);
        scales = _mm256_mul_ps(scales, _mm256_set1_ps(half_at(b)));
        mins = _mm256_mul_ps(mins, _mm256_set1_ps(half_at(b + 2)));
        offset = _mm256_fmadd_ps(mins, sums_of_32(sums), offset);
        __m256i high = load32(b + 16);
        for (int j = 0; j < 8; j += 2) {
            __m256i bytes = load32(b + 48 + 16 * j);
            const float *v = x + i + 32 * j;
            __m256i first = _mm256_or_si256(low_nibbles(bytes), fifth_bit(high, j));
            __m256i second = _mm256_or_si256(high_nibbles(bytes), fifth_bit(high, j + 1));
            sum = _mm256_fmadd_ps(lane(scales, j), sum32(first, v), sum);
            sum = _mm256_fmadd_ps(lane(scales, j + 1), sum32(second, v + 32), sum);
        }
    }
    return total(_mm256_sub_ps(sum, offset));
}

AVX2 static float dot_q6_k(const uint8_t *b, int64_t columns, const float *x) {
    __m256 sum = _mm256_setzero_ps();
    for (int64_t i = 0; i < columns; i += 256, b += 210) {
        __m128i scale_codes = _mm_loadu_si128((const __m128i *)(b + 192));
        __m256 d = _mm256_set1_ps(half_at(b + 208));
        float scales[16];
        _mm256_storeu_ps(scales, _mm256_mul_ps(d, floats_low(scale_codes)));
        _mm256_storeu_ps(scales + 8, _mm256_mul_ps(d, floats_high(scale_codes)));
        for (int g = 0; g < 8; g++) {
            __m256i codes = q6_k_codes(b, g);
            const float *v = x + i + 32 * g;
            __m256 first = sum16(_mm256_castsi256_si128(codes), v);
            __m256 second = sum16(_mm256_extracti128_si256(codes, 1), v + 16);
            sum = _mm256_fmadd_ps(_mm256_set1_ps(scales[2 * g]), first, sum);
            sum = _mm256_fmadd_ps(_mm256_set1_ps(scales[2 * g + 1]), second, sum);
        }
    }
    return total(sum);
}

#define EACH_ROW(product)                                                                         \
    for (int64_t row = 0; row < rows; row++, b += row_bytes) output[row] = product;               \
    return 1

int32_t halftone_blocks_dot_avx2(int32_t type, const void *bytes, int64_t row_bytes, int64_t rows,
                                 int64_t columns, const float *input, const float *sums_of_16,
                                 float *output) {
    const uint8_t *b = bytes;
    switch (type) {
    case 0: EACH_ROW(dot_f32(b, columns, input));
    case 1: EACH_ROW(dot_f16(b, columns, input));
    case 2: EACH_ROW(dot_q4_0(b, columns, input));
    case 3: EACH_ROW(dot_q4_1(b, columns, input, sums_of_16));
    case 6: EACH_ROW(dot_q5_0(b, columns, input));
    case 7: EACH_ROW(dot_q5_1(b, columns, input, sums_of_16));
    case 8: EACH_ROW(dot_q8_0(b, columns, input));
    case 12: EACH_ROW(dot_q4_k(b, columns, input, sums_of_16));
    case 13: EACH_ROW(dot_q5_k(b, columns, input, sums_of_16));
    case 14: EACH_ROW(dot_q6_k(b, columns, input));
    case 30: EACH_ROW(dot_bf16(b, columns, input));
    default: return 0;
    }
}

#else

int32_t halftone_blocks_dot_avx2(int32_t type, const void *bytes, int64_t row_bytes, int64_t rows,
                                 int64_t columns, const float *input, const float *sums_of_16,
                                 float *output) {
    (void)type, (void)bytes, (void)row_bytes, (void)rows, (void)columns;
    (void)input, (void)sums_of_16, (void)output;
    return 0;
}

#endif
