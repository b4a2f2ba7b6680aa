// Decoding of packed codes to float32 with AVX2: scale · (code - zero), one subtraction and one
// multiplication per element, as the definition has them.
#include "HalftoneShims.h"
#include "packed_avx2.h"

#if defined(__x86_64__)

/// Eight codes of a run as floats, from element 8 · quarter on.
PACKED_INLINE __m256 plain_floats(__m256i codes, const int quarter) {
    __m128i half = quarter < 2 ? _mm256_castsi256_si128(codes) : _mm256_extracti128_si256(codes, 1);
    if (quarter & 1) half = _mm_srli_si128(half, 8);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(half));
}

/// The values of a run whose elements share scale and zero point.
PACKED_INLINE void decode_run(const int bits, const uint8_t *run, __m256 scale, __m256 zero,
                              float *output) {
    __m256i codes = packed_codes(run, bits);
    __m256 a = _mm256_sub_ps(plain_floats(codes, 0), zero);
    __m256 b = _mm256_sub_ps(plain_floats(codes, 1), zero);
    __m256 c = _mm256_sub_ps(plain_floats(codes, 2), zero);
    __m256 d = _mm256_sub_ps(plain_floats(codes, 3), zero);
    _mm256_storeu_ps(output, _mm256_mul_ps(scale, a));
    _mm256_storeu_ps(output + 8, _mm256_mul_ps(scale, b));
    _mm256_storeu_ps(output + 16, _mm256_mul_ps(scale, c));
    _mm256_storeu_ps(output + 24, _mm256_mul_ps(scale, d));
}

/// A row of runs that each lie in one group.
PACKED_INLINE void decode_row_of_runs(const int bits, const uint8_t *codes, int64_t columns,
                                      int64_t group_size, const float *scales, const float *zeros,
                                      float symmetric_zero, float *output) {
    int64_t runs_per_group = group_size / 32, used = 0;
    for (int64_t column = 0; column < columns; column += 32, codes += 4 * bits) {
        __m256 scale = _mm256_set1_ps(*scales);
        __m256 zero = _mm256_set1_ps(zeros ? *zeros : symmetric_zero);
        if (columns - column >= 32) {
            decode_run(bits, codes, scale, zero, output + column);
        } else {
            float last[32];
            decode_run(bits, codes, scale, zero, last);
            memcpy(output + column, last, (size_t)(columns - column) * sizeof(float));
        }
        if (++used == runs_per_group) {
            used = 0;
            scales++;
            if (zeros) zeros++;
        }
    }
}

/// A row with groups of any size: codes first, then in place group by group.
PACKED_INLINE void decode_row_of_any(const int bits, const uint8_t *codes, int64_t columns,
                                     int64_t group_size, const float *scales, const float *zeros,
                                     float symmetric_zero, float *output) {
    const float one = 1, none = 0;
    decode_row_of_runs(bits, codes, columns, (columns + 31) / 32 * 32, &one, &none, 0, output);
    for (int64_t start = 0, group = 0; start < columns; start += group_size, group++) {
        int64_t end = start + group_size < columns ? start + group_size : columns;
        float scale = scales[group], zero = zeros ? zeros[group] : symmetric_zero;
        __m256 scale8 = _mm256_set1_ps(scale), zero8 = _mm256_set1_ps(zero);
        int64_t i = start;
        for (; i + 8 <= end; i += 8) {
            __m256 steps = _mm256_sub_ps(_mm256_loadu_ps(output + i), zero8);
            _mm256_storeu_ps(output + i, _mm256_mul_ps(scale8, steps));
        }
        for (; i < end; i++) output[i] = scale * (output[i] - zero);
    }
}

PACKED_INLINE void decode_rows(const int bits, const uint8_t *codes, int64_t rows, int64_t columns,
                               int64_t group_size, const float *scales, const float *zeros,
                               float symmetric_zero, float *output) {
    int64_t groups = (columns + group_size - 1) / group_size;
    int64_t row_bytes = (columns + 31) / 32 * 4 * bits;
    for (int64_t row = 0; row < rows; row++) {
        if (group_size % 32 == 0) {
            decode_row_of_runs(bits, codes, columns, group_size, scales, zeros, symmetric_zero,
                               output);
        } else {
            decode_row_of_any(bits, codes, columns, group_size, scales, zeros, symmetric_zero,
                              output);
        }
        codes += row_bytes;
        output += columns;
        scales += groups;
        if (zeros) zeros += groups;
    }
}

#define DECODE(BITS)                                                                               \
    PACKED_AVX2 static void decode_##BITS(const uint8_t *codes, int64_t rows, int64_t columns,     \
                                          int64_t group_size, const float *scales,                 \
                                          const float *zeros, float symmetric_zero,                \
                                          float *output) {                                         \
        decode_rows(BITS, codes, rows, columns, group_size, scales, zeros, symmetric_zero,         \
                    output);                                                                       \
    }
DECODE(1)
DECODE(2)
DECODE(3)
DECODE(4)
DECODE(5)
DECODE(6)
DECODE(7)
DECODE(8)

#endif

void halftone_packed_decode_avx2(int32_t bits, const void *codes, int64_t rows, int64_t columns,
                                 int64_t group_size, const float *scales, const float *zeros,
                                 float symmetric_zero, float *output) {
#if defined(__x86_64__)
    void (*decode)(const uint8_t *, int64_t, int64_t, int64_t, const float *, const float *, float,
                   float *);
    switch (bits) {
    case 1: decode = decode_1; break;
    case 2: decode = decode_2; break;
    case 3: decode = decode_3; break;
    case 4: decode = decode_4; break;
    case 5: decode = decode_5; break;
    case 6: decode = decode_6; break;
    case 7: decode = decode_7; break;
    default: decode = decode_8; break;
    }
    decode(codes, rows, columns, group_size, scales, zeros, symmetric_zero, output);
#else
    (void)bits, (void)codes, (void)rows, (void)columns, (void)group_size, (void)scales;
    (void)zeros, (void)symmetric_zero, (void)output;
#endif
}
