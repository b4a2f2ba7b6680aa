// Products of rows of packed codes with a float32 vector, with AVX2 and FMA. Codes become floats
// in registers and meet the vector; a scale is applied to the sum of its group, and the zero point
// to the sum of the vector over the group, which the caller brings.
#include "HalftoneShims.h"
#include "packed_avx2.h"

#if defined(__x86_64__)

/// What stays the same for all rows of a call.
struct product {
    const float *input;      ///< `columns` values.
    const float *group_sums; ///< Sums of the values over each group, or NULL when none is needed.
    float *scratch;          ///< 32 · runs floats, for groups that are no multiple of 16.
    int64_t columns;
    int64_t group_size;
    int64_t groups;
    int64_t full_runs;       ///< Runs that the vector covers entirely.
    int64_t runs;            ///< Runs of a row; the last may be padded.
    float tail[32];          ///< The values of a padded run, then zeros.
    float symmetric_zero;
};

PACKED_INLINE float total(__m256 x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// Eight partial sums over one half of a run.
PACKED_INLINE __m256 half_run(__m256i codes, const int half, const float *x) {
    __m256 sum = _mm256_mul_ps(packed_floats(codes, 2 * half), _mm256_loadu_ps(x + 16 * half));
    return _mm256_fmadd_ps(packed_floats(codes, 2 * half + 1), _mm256_loadu_ps(x + 16 * half + 8),
                           sum);
}

/// Eight partial sums over one run.
PACKED_INLINE __m256 whole_run(const uint8_t *run, const int bits, const float *x) {
    __m256i codes = packed_centred(run, bits);
    return _mm256_add_ps(half_run(codes, 0, x), half_run(codes, 1, x));
}

/// Eight partial sums over several runs, four sums in flight.
PACKED_INLINE __m256 many_runs(const uint8_t *run, const int bits, const float *x, int64_t runs) {
    __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
    for (; runs > 0; runs--, run += 4 * bits, x += 32) {
        __m256i codes = packed_centred(run, bits);
        a = _mm256_fmadd_ps(packed_floats(codes, 0), _mm256_loadu_ps(x), a);
        b = _mm256_fmadd_ps(packed_floats(codes, 1), _mm256_loadu_ps(x + 8), b);
        c = _mm256_fmadd_ps(packed_floats(codes, 2), _mm256_loadu_ps(x + 16), c);
        d = _mm256_fmadd_ps(packed_floats(codes, 3), _mm256_loadu_ps(x + 24), d);
    }
    return _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
}

/// The sum of scale · (zero - middle) · sum over the groups of a row.
PACKED_INLINE float zero_part(const struct product *p, const int bits, const float *scales,
                              const float *zeros) {
    float middle = (float)packed_middle(bits);
    if (p->group_sums == NULL) return 0;
    __m256 sum = _mm256_setzero_ps();
    __m256 zero = _mm256_set1_ps(p->symmetric_zero);
    int64_t g = 0;
    for (; g + 8 <= p->groups; g += 8) {
        if (zeros) zero = _mm256_loadu_ps(zeros + g);
        __m256 offset = _mm256_sub_ps(zero, _mm256_set1_ps(middle));
        __m256 part = _mm256_mul_ps(_mm256_loadu_ps(scales + g), offset);
        sum = _mm256_fmadd_ps(part, _mm256_loadu_ps(p->group_sums + g), sum);
    }
    float rest = 0;
    for (; g < p->groups; g++) {
        float offset = (zeros ? zeros[g] : p->symmetric_zero) - middle;
        rest += scales[g] * offset * p->group_sums[g];
    }
    return total(sum) + rest;
}

/// A row whose groups are whole runs, `runs_per_group` of them (the last group may have fewer).
PACKED_INLINE float row_of_runs(const struct product *p, const int bits, const uint8_t *codes,
                                const float *scales, const int64_t runs_per_group) {
    __m256 sum = _mm256_setzero_ps();
    const float *x = p->input;
    int64_t left = p->full_runs;
    for (; left >= runs_per_group; left -= runs_per_group) {
        __m256 part = runs_per_group == 1 ? whole_run(codes, bits, x)
                                          : many_runs(codes, bits, x, runs_per_group);
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(scales++), part, sum);
        codes += 4 * bits * runs_per_group;
        x += 32 * runs_per_group;
    }
    if (left > 0) {
        __m256 part = many_runs(codes, bits, x, left);
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(scales), part, sum);
        codes += 4 * bits * left;
    }
    if (p->full_runs < p->runs) {
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(scales), whole_run(codes, bits, p->tail), sum);
    }
    return total(sum);
}

/// A row whose groups are an odd number of half runs.
PACKED_INLINE float row_of_halves(const struct product *p, const int bits, const uint8_t *codes,
                                  const float *scales, const int64_t halves_per_group) {
    __m256 sum = _mm256_setzero_ps();
    int64_t group = 0, used = 0;
    for (int64_t run = 0; run < p->runs; run++, codes += 4 * bits) {
        const float *x = run < p->full_runs ? p->input + 32 * run : p->tail;
        __m256i bytes = packed_centred(codes, bits);
        int64_t first = group;
        used += 1;
        int64_t second = first + (used == halves_per_group);
        used = used == halves_per_group ? 0 : used;
        // The second half of the last run may be all padding, behind the last group.
        second = second < p->groups ? second : first;
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(scales + first), half_run(bytes, 0, x), sum);
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(scales + second), half_run(bytes, 1, x), sum);
        used += 1;
        group = second + (used == halves_per_group);
        used = used == halves_per_group ? 0 : used;
    }
    return total(sum);
}

/// A row with groups of any size: unpacked to floats first, then summed group by group.
PACKED_INLINE float row_of_any(const struct product *p, const int bits, const uint8_t *codes,
                               const float *scales) {
    for (int64_t run = 0; run < p->runs; run++, codes += 4 * bits) {
        __m256i bytes = packed_centred(codes, bits);
        float *out = p->scratch + 32 * run;
        _mm256_storeu_ps(out, packed_floats(bytes, 0));
        _mm256_storeu_ps(out + 8, packed_floats(bytes, 1));
        _mm256_storeu_ps(out + 16, packed_floats(bytes, 2));
        _mm256_storeu_ps(out + 24, packed_floats(bytes, 3));
    }
    __m256 sum = _mm256_setzero_ps();
    float rest = 0;
    int64_t start = 0;
    for (int64_t group = 0; group < p->groups; group++) {
        int64_t end = start + p->group_size;
        if (end > p->columns) end = p->columns;
        __m256 part = _mm256_setzero_ps();
        int64_t i = start;
        for (; i + 8 <= end; i += 8) {
            part = _mm256_fmadd_ps(_mm256_loadu_ps(p->scratch + i), _mm256_loadu_ps(p->input + i),
                                   part);
        }
        float odd = 0;
        for (; i < end; i++) odd += p->scratch[i] * p->input[i];
        sum = _mm256_fmadd_ps(_mm256_set1_ps(scales[group]), part, sum);
        rest += scales[group] * odd;
        start = end;
    }
    return total(sum) + rest;
}

PACKED_INLINE void rows_of(const struct product *p, const int bits, const uint8_t *codes,
                           int64_t rows, const float *scales, const float *zeros, float *output) {
    int64_t row_bytes = 4 * bits * p->runs;
    for (int64_t row = 0; row < rows; row++) {
        float sum;
        if (p->group_size == 32) {
            sum = row_of_runs(p, bits, codes, scales, 1);
        } else if (p->group_size % 32 == 0) {
            sum = row_of_runs(p, bits, codes, scales, p->group_size / 32);
        } else if (p->group_size % 16 == 0) {
            sum = row_of_halves(p, bits, codes, scales, p->group_size / 16);
        } else {
            sum = row_of_any(p, bits, codes, scales);
        }
        output[row] = sum - zero_part(p, bits, scales, zeros);
        codes += row_bytes;
        scales += p->groups;
        if (zeros) zeros += p->groups;
    }
}

#define ROWS(BITS)                                                                                 \
    PACKED_AVX2 static void rows_##BITS(const struct product *p, const uint8_t *codes,             \
                                        int64_t rows, const float *scales, const float *zeros,     \
                                        float *output) {                                           \
        rows_of(p, BITS, codes, rows, scales, zeros, output);                                      \
    }
ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)
ROWS(5)
ROWS(6)
ROWS(7)
ROWS(8)

#endif

void halftone_packed_dot_avx2(int32_t bits, const void *codes, int64_t rows, int64_t columns,
                              int64_t group_size, const float *scales, const float *zeros,
                              float symmetric_zero, const float *input, const float *group_sums,
                              float *scratch, float *output) {
#if defined(__x86_64__)
    struct product p = {
        .input = input,
        .group_sums = group_sums,
        .scratch = scratch,
        .columns = columns,
        .group_size = group_size,
        .groups = (columns + group_size - 1) / group_size,
        .full_runs = columns / 32,
        .runs = (columns + 31) / 32,
        .symmetric_zero = symmetric_zero,
    };
    memcpy(p.tail, input + 32 * p.full_runs, (size_t)(columns % 32) * sizeof(float));
    void (*multiply)(const struct product *, const uint8_t *, int64_t, const float *,
                     const float *, float *);
    switch (bits) {
    case 1: multiply = rows_1; break;
    case 2: multiply = rows_2; break;
    case 3: multiply = rows_3; break;
    case 4: multiply = rows_4; break;
    case 5: multiply = rows_5; break;
    case 6: multiply = rows_6; break;
    case 7: multiply = rows_7; break;
    default: multiply = rows_8; break;
    }
    multiply(&p, codes, rows, scales, zeros, output);
#else
    (void)bits, (void)codes, (void)rows, (void)columns, (void)group_size, (void)scales;
    (void)zeros, (void)symmetric_zero, (void)input, (void)group_sums, (void)scratch;
    (void)output;
#endif
}
