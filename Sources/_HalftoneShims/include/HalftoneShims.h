// Instructions that Swift cannot spell. Every function that needs more than the plain
// instruction set of its architecture has a name that says which, and is called only after
// halftone_cpu_features() reported it.
#ifndef HALFTONE_SHIMS_H
#define HALFTONE_SHIMS_H

#include <stdint.h>

#include "cache.h"
#include "panels.h"

/// Bits of halftone_cpu_features().
enum {
    HALFTONE_CPU_AVX2_FMA = 1 << 0,    ///< AVX2, FMA and F16C, with the system saving ymm state.
    HALFTONE_CPU_AVX512 = 1 << 1,      ///< AVX-512 F, BW, VL and DQ.
    HALFTONE_CPU_AVX512_VNNI = 1 << 2, ///< AVX-512 VNNI.
    HALFTONE_CPU_NEON = 1 << 3,        ///< Advanced SIMD, as every arm64 processor has it.
    HALFTONE_CPU_DOTPROD = 1 << 4,     ///< Dot products of bytes, ARMv8.2 and later.
    HALFTONE_CPU_AVX512_VBMI = 1 << 5  ///< AVX-512 VBMI.
};

/// The instruction sets that this processor and operating system offer.
uint32_t halftone_cpu_features(void);

// What the machine can do at most, for speeds to be compared with.

/// Multiplies and adds bytes in registers as fast as it goes, some for each round.
///
/// Returns the multiplications and additions, or 0 where there is no such measurement.
int64_t halftone_byte_products(uint32_t features, int64_t rounds);

/// Reads memory in order, whole runs of 256 bytes, and returns a sum of it.
uint64_t halftone_read_memory(const uint8_t *bytes, int64_t count);

// GGUF blocks. Types are the ids of the file format; 0 is returned, and nothing written, for a
// type without a fast form. Nothing needs alignment.

/// Decodes blocks to float32; needs HALFTONE_CPU_AVX2_FMA.
int32_t halftone_blocks_decode_avx2(int32_t type, const void *bytes, int64_t blocks,
                                    float *output);

/// Multiplies rows of whole blocks with a vector of `columns` values, whose runs of 16 sum to
/// `sums_of_16`; needs HALFTONE_CPU_AVX2_FMA.
int32_t halftone_blocks_dot_avx2(int32_t type, const void *bytes, int64_t row_bytes, int64_t rows,
                                 int64_t columns, const float *input, const float *sums_of_16,
                                 float *output);

// Packed codes of 1 to 8 bits: runs of 32 codes in 4 · bits bytes, groups along a row that share a
// scale (the last may be shorter), `zeros` NULL when every zero point is `symmetric_zero`. Scales
// and zero points: ceil(columns / group_size) per row. Nothing needs alignment. Need
// HALFTONE_CPU_AVX2_FMA.

/// Decodes rows to float32: scale * (code - zero), rounded after each operation.
void halftone_packed_decode_avx2(int32_t bits, const void *codes, int64_t rows, int64_t columns,
                                 int64_t group_size, const float *scales, const float *zeros,
                                 float symmetric_zero, float *output);

/// Multiplies rows with a vector of `columns` values.
///
/// `group_sums` are the sums of the values over each group; NULL when the zero points are
/// symmetric and bits > 1, which need none. `scratch` has room for `columns` floats rounded up to
/// 32 when `group_size` is no multiple of 16, and is unused otherwise.
void halftone_packed_dot_avx2(int32_t bits, const void *codes, int64_t rows, int64_t columns,
                              int64_t group_size, const float *scales, const float *zeros,
                              float symmetric_zero, const float *input, const float *group_sums,
                              float *scratch, float *output);

// Rounding of floats to integer codes: code = clamp(value · unit / scale + zero, 0, maximum),
// rounded to nearest, ties to even. `unit` is a power of two that brings values near 1, and
// `scale` is given in units. `features` are those of halftone_cpu_features(); the results do not
// depend on them.

/// How well codes fit values, in units: level = code - zero, |values| being count long.
struct halftone_fit {
    double error;  ///< Σ (value - scale · level)².
    double cross;  ///< Σ value · level.
    double square; ///< Σ level².
};

/// Measures the codes of a scale and zero point.
/// Each term times its weight, of which none is far from the largest's 1; NULL for 1.
void halftone_packed_fit(uint32_t features, const float *values, const float *weights,
                         int64_t count, float unit, float scale, float zero, float maximum,
                         struct halftone_fit *fit);

/// Measures the levels of a table, 2 to 16 that ascend, as halftone_packed_fit does: each value over
/// the scale becomes the nearest level, the lower one of two that are equally near.
void halftone_table_fit(uint32_t features, const float *values, const float *weights,
                        int64_t count, float unit, float scale, const float *levels,
                        int32_t level_count, struct halftone_fit *fit);

/// Writes the codes, one byte each.
void halftone_packed_round(uint32_t features, const float *values, int64_t count, float unit,
                           float scale, float zero, float maximum, uint8_t *codes);

/// The largest element of `count` windows of `rows` × `taps` that start `step` apart in the lines
/// of `width` floats at `x`, and its position, where `place` is that of `x[0]`; the first of
/// equals, and NaN over numbers.
void halftone_pool_maximum(uint32_t features, const float *x, int64_t rows, int64_t width,
                           int32_t taps, int32_t step, int32_t place, int64_t count, float *best,
                           int32_t *position);

// Attention of one query over `count` ≥ 1 keys and values `[count][width]` of one head.

/// scores[i] = scale · query · keys[i].
void halftone_attend_scores(uint32_t features, const float *query, const float *keys,
                            int64_t width, int64_t count, float scale, float *scores);

/// output = weights · values.
void halftone_attend_mix(uint32_t features, const float *weights, const float *values,
                         int64_t width, int64_t count, float *output);

/// Consecutive queries of one head, their scores and what they get; strides are in floats.
struct halftone_attend_block {
    int64_t count, width;
    const float *queries;
    int64_t query_stride;
    float *scores;
    int64_t score_stride;
    float *output;
    int64_t output_stride;
};

/// The scores of keys that lie in tiles of sixteen, `[width][16]`, as of each query alone. The first
/// query sees `visible` of them, perhaps below 0, and each later one a key more; what is not seen is
/// left out or holds anything.
void halftone_attend_block_scores(uint32_t features, const struct halftone_attend_block *block,
                                  const float *keys, int64_t tiles, int64_t visible, float scale);

/// The sums of values `[keys][width]` weighted by scores, as of each query alone; with `adds` they go
/// on from what the output holds. The first query sees `visible` of them, perhaps below 0, each later
/// one more; scores of the three keys behind are 0.
void halftone_attend_block_mix(uint32_t features, const struct halftone_attend_block *block,
                               const float *values, int64_t keys, int64_t visible, int32_t adds);

// Batch norm of [rows, channels], with a sum and a rectifier behind it. Parts of an array can be
// worked on apart; the results do not depend on the instruction set.

/// What is computed with, one number per channel.
struct halftone_norm {
    const float *means, *factors, *biases; ///< y = (x - mean) · factor + bias.
    const float *shifts, *slopes; ///< Of the gradient: (g - shift - (x - mean) · slope) · factor.
};

/// Adds to `sums`, [3, channels]: Σ x; Σ s² / n over blocks of n rows with sum s; and squared
/// distances from the mean of each block, which together give the variance without cancellation.
void halftone_norm_statistics(uint32_t features, const float *x, int64_t rows, int64_t channels,
                              double *sums);

/// Writes y, plus `other` unless it is NULL, with zeros for what is not above 0 if it rectifies.
void halftone_norm_value(uint32_t features, const float *x, const float *other, int64_t rows,
                         int64_t channels, const struct halftone_norm *norm, int32_t rectifies,
                         float *output);

/// Adds Σ g and Σ g · (x - mean) to `totals`, [2, channels], g being 0 where the rectifier held
/// back: where its output `y` is not above 0, and then g is written to `kept`, which may be `g`
/// itself; or, with `y` NULL, where y computed anew from x is not.
void halftone_norm_gradient_sums(uint32_t features, const float *g, const float *x, const float *y,
                                 int64_t rows, int64_t channels, const struct halftone_norm *norm,
                                 int32_t rectifies, float *kept, double *totals);

/// Writes the gradient of x, g being held back as above with `y` NULL; `output` may be `g`.
void halftone_norm_gradient(uint32_t features, const float *g, const float *x, int64_t rows,
                            int64_t channels, const struct halftone_norm *norm, int32_t rectifies,
                            float *output);

/// Writes the columns of `rows` × `columns` floats as rows.
void halftone_transpose(uint32_t features, const float *x, int64_t row_stride, int64_t rows,
                        int64_t columns, float *output, int64_t output_stride);

// Functions of each element; outputs may be inputs. The results do not depend on the instruction
// set.

/// The functions.
enum {
    HALFTONE_EXP = 0,
    HALFTONE_TANH = 1,
    HALFTONE_SIGMOID = 2,
    HALFTONE_SILU = 3,      ///< x / (1 + e^-x).
    HALFTONE_GELU_TANH = 4, ///< The Gaussian error linear unit in its tanh form.
    HALFTONE_GELU_ERROR = 5 ///< The exact one.
};

/// Writes f(x); any of the functions.
void halftone_map(uint32_t features, int32_t function, const float *input, float *output,
                  int64_t count);

/// Writes f(x) · factor; the last three functions.
void halftone_map_multiply(uint32_t features, int32_t function, const float *input,
                           const float *factor, float *output, int64_t count);

/// Writes upstream · f'(x); the last three functions.
void halftone_map_slope(uint32_t features, int32_t function, const float *input,
                        const float *upstream, float *output, int64_t count);

/// Writes e^(x - shift) · factor unless `output` is NULL, and returns the sum of e^(x - shift) in
/// sixteen running sums.
float halftone_exponentials(uint32_t features, const float *input, float shift, float factor,
                            float *output, int64_t count);

/// The largest element, NaN left out; -infinity of none.
float halftone_maximum(uint32_t features, const float *input, int64_t count);

// Codes of 1 to 8 bits from the least significant bit on, or halves of bytes with the earlier code
// in the high half (`high_first`, 4 bits). `first` is the index of a code in `packed`.

/// Takes `count` codes apart.
void halftone_lookup_codes(int32_t bits, int32_t high_first, const uint8_t *packed, int64_t first,
                           int64_t count, uint8_t *codes);

/// Codes in a row that a table and scales make values of.
struct halftone_lookup {
    int64_t first, count; ///< Codes.
    int64_t lead, group;  ///< How many have the first scale, and each of the next: 1 or more.
    const float *scales;
    const float *table; ///< 2^bits values.
    float *output;      ///< table[code] · scale.
};

/// Decodes codes.
void halftone_lookup_decode(uint32_t features, int32_t bits, int32_t high_first,
                            const uint8_t *packed, const struct halftone_lookup *row);

#endif
