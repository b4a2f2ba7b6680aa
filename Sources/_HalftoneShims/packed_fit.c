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

/// Adds lanes of values, each with its weight.
FIT_INLINE void add_lanes(struct lane_sums *sums, const lanes *values, const lanes *weights,
                          float scale, float zero, float maximum) {
    lanes x = *values;
    lanes steps = x / scale + zero;
    steps = steps > 0.0f ? steps : (lanes)0.0f;
    steps = steps < maximum ? steps : (lanes)maximum;
    lanes level = (steps + rounder) - rounder - zero;
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
                         float scale, float zero, float maximum, struct halftone_fit *fit) {
    double error = 0, cross = 0, square = 0;
    int64_t index = 0;
    while (index < count) {
        struct lane_sums sums = {0.0f, 0.0f, 0.0f};
        int64_t end = index + 8 * FIT_BLOCK < count ? index + 8 * FIT_BLOCK : count;
        for (; index + 8 <= end; index += 8) {
            lanes x = *(const loaded_lanes *)(values + index) * unit;
            lanes w = 1.0f;
            if (weights != NULL) w = *(const loaded_lanes *)(weights + index);
            add_lanes(&sums, &x, &w, scale, zero, maximum);
        }
        if (index < end) {
            lanes x = 0.0f, w = 0.0f;
            for (int lane = 0; index < end; lane++, index++) {
                x[lane] = values[index] * unit;
                w[lane] = weights != NULL ? weights[index] : 1.0f;
            }
            add_lanes(&sums, &x, &w, scale, zero, maximum);
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
                                                     float zero, float maximum,
                                                     struct halftone_fit *fit) {
    if (weights == NULL) {
        fit_body(values, NULL, count, unit, scale, zero, maximum, fit);
    } else {
        fit_body(values, weights, count, unit, scale, zero, maximum, fit);
    }
}

__attribute__((target("avx2"))) static void round_avx2(const float *values, int64_t count,
                                                       float unit, float scale, float zero,
                                                       float maximum, uint8_t *codes) {
    round_body(values, count, unit, scale, zero, maximum, codes);
}
#endif

void halftone_packed_fit(uint32_t features, const float *values, const float *weights,
                         int64_t count, float unit, float scale, float zero, float maximum,
                         struct halftone_fit *fit) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX2_FMA) {
        fit_avx2(values, weights, count, unit, scale, zero, maximum, fit);
        return;
    }
#endif
    (void)features;
    fit_body(values, weights, count, unit, scale, zero, maximum, fit);
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
