// Rounding of weights to integer codes and the error that it makes. The arithmetic is plain
// float32 in eight lanes without fused operations, so that every processor gives the same bits;
// on x86-64 the body is compiled a second time for AVX2.
#include "HalftoneShims.h"

#include <stddef.h>

#pragma clang fp contract(off)

typedef float lanes __attribute__((ext_vector_type(8)));
/// Lanes at an address of floats.
typedef float loaded_lanes __attribute__((ext_vector_type(8), aligned(4)));

#define FIT_INLINE __attribute__((always_inline)) static inline

/// Adding and subtracting 1.5 · 2^23 rounds a magnitude below 2^22 to the nearest even integer.
static const float rounder = 12582912.0f;

/// Vectors between two additions to the sums in double.
enum { FIT_BLOCK = 64 };

struct lane_sums {
    lanes error, cross, square;
};

/// The levels to choose from: of a table if it has any, else integers.
struct fit_levels {
    float zero, maximum;
    int32_t steps;        ///< Levels of the table less one; 0 for integers.
    float first;          ///< The least level of the table.
    float middle[15];     ///< Between a level of the table and the next.
    float difference[15]; ///< From a level to the next.
};

/// Adds lanes of values, each with its weight.
FIT_INLINE void add_lanes(struct lane_sums *sums, const lanes *values, const lanes *weights,
                          float scale, const struct fit_levels *levels) {
    lanes x = *values;
    lanes level;
    if (levels->steps == 0) {
        lanes steps = x / scale + levels->zero;
        steps = steps > 0.0f ? steps : (lanes)0.0f;
        steps = steps < levels->maximum ? steps : (lanes)levels->maximum;
        level = (steps + rounder) - rounder - levels->zero;
    } else {
        lanes steps = x / scale;
        level = levels->first;
        for (int32_t i = 0; i < levels->steps; i++) {
            level += steps > levels->middle[i] ? (lanes)levels->difference[i] : (lanes)0.0f;
        }
    }
    lanes difference = x - level * scale;
    lanes weighted = level * *weights;
    sums->error += difference * difference * *weights;
    sums->cross += x * weighted;
    sums->square += level * weighted;
}

FIT_INLINE double lane_total(const lanes *x) {
    double total = 0;
    for (int lane = 0; lane < 8; lane++) total += (double)(*x)[lane];
    return total;
}

FIT_INLINE void fit_body(const float *values, const float *weights, int64_t count, float unit,
                         float scale, const struct fit_levels *levels, struct halftone_fit *fit) {
    double error = 0, cross = 0, square = 0;
    int64_t index = 0;
    while (index < count) {
        struct lane_sums sums = {0.0f, 0.0f, 0.0f};
        int64_t end = index + 8 * FIT_BLOCK < count ? index + 8 * FIT_BLOCK : count;
        for (; index + 8 <= end; index += 8) {
            lanes x = *(const loaded_lanes *)(values + index) * unit;
            lanes w = 1.0f;
            if (weights != NULL) w = *(const loaded_lanes *)(weights + index);
            add_lanes(&sums, &x, &w, scale, levels);
        }
        if (index < end) {
            lanes x = 0.0f, w = 0.0f;
            for (int lane = 0; index < end; lane++, index++) {
                x[lane] = values[index] * unit;
                w[lane] = weights != NULL ? weights[index] : 1.0f;
            }
            add_lanes(&sums, &x, &w, scale, levels);
        }
        error += lane_total(&sums.error);
        cross += lane_total(&sums.cross);
        square += lane_total(&sums.square);
    }
    fit->error = error;
    fit->cross = cross;
    fit->square = square;
}

FIT_INLINE void round_body(const float *values, int64_t count, float unit, float scale, float zero,
                           float maximum, uint8_t *codes) {
    for (int64_t index = 0; index < count; index++) {
        float steps = values[index] * unit / scale + zero;
        steps = steps > 0.0f ? steps : 0.0f;
        steps = steps < maximum ? steps : maximum;
        codes[index] = (uint8_t)(int32_t)((steps + rounder) - rounder);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void fit_avx2(const float *values, const float *weights,
                                                     int64_t count, float unit, float scale,
                                                     const struct fit_levels *levels,
                                                     struct halftone_fit *fit) {
    if (weights == NULL) {
        fit_body(values, NULL, count, unit, scale, levels, fit);
    } else {
        fit_body(values, weights, count, unit, scale, levels, fit);
    }
}

__attribute__((target("avx2"))) static void round_avx2(const float *values, int64_t count,
                                                       float unit, float scale, float zero,
                                                       float maximum, uint8_t *codes) {
    round_body(values, count, unit, scale, zero, maximum, codes);
}
#endif

static void fit_levels(uint32_t features, const float *values, const float *weights, int64_t count,
                       float unit, float scale, const struct fit_levels *levels,
                       struct halftone_fit *fit) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX2_FMA) {
        fit_avx2(values, weights, count, unit, scale, levels, fit);
        return;
    }
#endif
    (void)features;
    fit_body(values, weights, count, unit, scale, levels, fit);
}

void halftone_packed_fit(uint32_t features, const float *values, const float *weights,
                         int64_t count, float unit, float scale, float zero, float maximum,
                         struct halftone_fit *fit) {
    struct fit_levels levels = {.zero = zero, .maximum = maximum, .steps = 0};
    fit_levels(features, values, weights, count, unit, scale, &levels, fit);
}

void halftone_table_fit(uint32_t features, const float *values, const float *weights,
                        int64_t count, float unit, float scale, const float *table,
                        int32_t level_count, struct halftone_fit *fit) {
    struct fit_levels levels = {.steps = level_count - 1, .first = table[0]};
    for (int32_t i = 0; i < levels.steps; i++) {
        levels.middle[i] = (table[i] + table[i + 1]) / 2;
        levels.difference[i] = table[i + 1] - table[i];
    }
    fit_levels(features, values, weights, count, unit, scale, &levels, fit);
}

void halftone_packed_round(uint32_t features, const float *values, int64_t count, float unit,
                           float scale, float zero, float maximum, uint8_t *codes) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX2_FMA) {
        round_avx2(values, count, unit, scale, zero, maximum, codes);
        return;
    }
#endif
    (void)features;
    round_body(values, count, unit, scale, zero, maximum, codes);
}
