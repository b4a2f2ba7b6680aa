// Products of rows of packed codes with a vector of signed bytes that has a scale for each run of
// 32. Included once per instruction set, with
//   INT8_TARGET      the target attribute,
//   INT8_DOT(c, x)   eight int32 sums of four products: unsigned bytes c, signed bytes x; with
//   BITS             in scope, the number of bits of a code.
// Sums of a run are exact integers; each of eight lanes holds those of four neighbours, so lanes 0
// to 3 belong to the first half of the run. Rows are summed on their own, run by run, so that the
// result of a row does not depend on which rows are asked for.
#include "HalftoneShims.h"
#include "packed_avx2.h"

#if defined(__x86_64__)

#define INT8_INLINE __attribute__((target(INT8_TARGET), always_inline)) static inline

struct int8_product {
    const int8_t *input;       ///< 32 · runs signed bytes, zeros behind the last column.
    const float *input_scales; ///< One for each run.
    const float *group_sums;   ///< Sums of the scaled input over each group.
    int64_t group_size;
    int64_t groups;
    int64_t runs;
    float symmetric_zero;
};

INT8_INLINE float int8_total(__m256 x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// Eight partial sums of one run, as floats, times the scale of the input.
INT8_INLINE __m256 int8_run(const struct int8_product *p, const int BITS, const uint8_t *codes,
                            int64_t run) {
    __m256i bytes = packed_codes(codes + 4 * BITS * run, BITS);
    __m256i input = _mm256_loadu_si256((const __m256i *)(p->input + 32 * run));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(INT8_DOT(bytes, input)),
                         _mm256_broadcast_ss(p->input_scales + run));
}

/// The sum of scale · zero · input over the groups of a row.
INT8_INLINE float int8_zero_part(const struct int8_product *p, const float *scales,
                                 const float *zeros) {
    __m256 sum = _mm256_setzero_ps();
    __m256 zero = _mm256_set1_ps(p->symmetric_zero);
    int64_t g = 0;
    for (; g + 8 <= p->groups; g += 8) {
        if (zeros) zero = _mm256_loadu_ps(zeros + g);
        __m256 part = _mm256_mul_ps(_mm256_loadu_ps(scales + g), zero);
        sum = _mm256_fmadd_ps(part, _mm256_loadu_ps(p->group_sums + g), sum);
    }
    float rest = 0;
    for (; g < p->groups; g++) {
        rest += scales[g] * (zeros ? zeros[g] : p->symmetric_zero) * p->group_sums[g];
    }
    return int8_total(sum) + rest;
}

/// The part of one group: `count` runs from `run` on.
INT8_INLINE __m256 int8_group(const struct int8_product *p, const int BITS, const uint8_t *codes,
                              int64_t run, const int64_t count) {
    __m256 part = int8_run(p, BITS, codes, run);
    for (int64_t i = 1; i < count; i++) {
        part = _mm256_add_ps(part, int8_run(p, BITS, codes, run + i));
    }
    return part;
}

/// A row whose groups are `per_group` runs each (the last may have fewer). Four sums in flight:
/// rows are read one after another, since several at a time leave the stream that the memory
/// fetches ahead.
INT8_INLINE float int8_row_of_runs(const struct int8_product *p, const int BITS,
                                   const uint8_t *codes, const float *scales,
                                   const int64_t per_group) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};
    int64_t whole = p->runs / per_group, group = 0;
    for (; group + 4 <= whole; group += 4) {
        for (int i = 0; i < 4; i++) {
            sums[i] = _mm256_fmadd_ps(
                _mm256_broadcast_ss(scales + group + i),
                int8_group(p, BITS, codes, (group + i) * per_group, per_group), sums[i]);
        }
    }
    for (; group < p->groups; group++) {
        int64_t run = group * per_group;
        int64_t count = group < whole ? per_group : p->runs - run;
        sums[0] = _mm256_fmadd_ps(_mm256_broadcast_ss(scales + group),
                                  int8_group(p, BITS, codes, run, count), sums[0]);
    }
    return int8_total(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]),
                                    _mm256_add_ps(sums[2], sums[3])));
}

/// A row whose groups are an odd number of half runs.
INT8_INLINE float int8_row_of_halves(const struct int8_product *p, const int BITS,
                                     const uint8_t *codes, const float *scales) {
    int64_t halves = p->group_size / 16;
    __m256 sum = _mm256_setzero_ps();
    int64_t group = 0, used = 0;
    for (int64_t run = 0; run < p->runs; run++) {
        int64_t first = group;
        used += 1;
        int64_t second = first + (used == halves);
        used = used == halves ? 0 : used;
        // The second half of the last run may be all padding, behind the last group.
        second = second < p->groups ? second : first;
        __m256 scale = _mm256_setr_m128(_mm_broadcast_ss(scales + first),
                                        _mm_broadcast_ss(scales + second));
        sum = _mm256_fmadd_ps(scale, int8_run(p, BITS, codes, run), sum);
        used += 1;
        group = second + (used == halves);
        used = used == halves ? 0 : used;
    }
    return int8_total(sum);
}

INT8_INLINE void int8_rows(const struct int8_product *p, const int BITS, const uint8_t *codes,
                           int64_t rows, const float *scales, const float *zeros, float *output) {
    for (int64_t row = 0; row < rows; row++) {
        float sum;
        if (p->group_size == 32) {
            sum = int8_row_of_runs(p, BITS, codes, scales, 1);
        } else if (p->group_size == 64) {
            sum = int8_row_of_runs(p, BITS, codes, scales, 2);
        } else if (p->group_size % 32 == 0) {
            sum = int8_row_of_runs(p, BITS, codes, scales, p->group_size / 32);
        } else {
            sum = int8_row_of_halves(p, BITS, codes, scales);
        }
        output[row] = sum - int8_zero_part(p, scales, zeros);
        codes += 4 * BITS * p->runs;
        scales += p->groups;
        if (zeros) zeros += p->groups;
    }
}

#define INT8_ROWS(BITS)                                                                            \
    __attribute__((target(INT8_TARGET))) static void int8_rows_##BITS(                             \
        const struct int8_product *p, const uint8_t *codes, int64_t rows, const float *scales,     \
        const float *zeros, float *output) {                                                       \
        int8_rows(p, BITS, codes, rows, scales, zeros, output);                                    \
    }
INT8_ROWS(1)
INT8_ROWS(2)
INT8_ROWS(3)
INT8_ROWS(4)
INT8_ROWS(5)
INT8_ROWS(6)
INT8_ROWS(7)
INT8_ROWS(8)

static void int8_multiply(int32_t bits, const struct int8_product *p, const uint8_t *codes,
                          int64_t rows, const float *scales, const float *zeros, float *output) {
    switch (bits) {
    case 1: int8_rows_1(p, codes, rows, scales, zeros, output); break;
    case 2: int8_rows_2(p, codes, rows, scales, zeros, output); break;
    case 3: int8_rows_3(p, codes, rows, scales, zeros, output); break;
    case 4: int8_rows_4(p, codes, rows, scales, zeros, output); break;
    case 5: int8_rows_5(p, codes, rows, scales, zeros, output); break;
    case 6: int8_rows_6(p, codes, rows, scales, zeros, output); break;
    case 7: int8_rows_7(p, codes, rows, scales, zeros, output); break;
    default: int8_rows_8(p, codes, rows, scales, zeros, output); break;
    }
}

#endif

void INT8_FUNCTION(int32_t bits, const void *codes, int64_t rows, int64_t columns,
                   int64_t group_size, const float *scales, const float *zeros,
                   float symmetric_zero, const int8_t *input, const float *input_scales,
                   const float *group_sums, float *output) {
#if defined(__x86_64__)
    struct int8_product p = {
        .input = input,
        .input_scales = input_scales,
        .group_sums = group_sums,
        .group_size = group_size,
        .groups = (columns + group_size - 1) / group_size,
        .runs = (columns + 31) / 32,
        .symmetric_zero = symmetric_zero,
    };
    int8_multiply(bits, &p, codes, rows, scales, zeros, output);
#else
    (void)bits, (void)codes, (void)rows, (void)columns, (void)group_size, (void)scales;
    (void)zeros, (void)symmetric_zero, (void)input, (void)input_scales, (void)group_sums;
    (void)output;
#endif
}
