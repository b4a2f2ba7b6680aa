// The largest element of windows, tap by tap over a row of them, without a branch: data decide
// nothing that a processor has to guess. Every processor gives the same result.
#include "HalftoneShims.h"

#define POOL_INLINE __attribute__((always_inline)) static inline

POOL_INLINE void keep_larger(const float *restrict x, int32_t place, int32_t step,
                             float *restrict best, int32_t *restrict position, int64_t count) {
    for (int64_t column = 0; column < count; column++) {
        const float value = x[column * step], old = best[column];
        const int32_t here = place + (int32_t)column * step;
        const int larger = (value > old) | (value != value);
        best[column] = larger ? value : old;
        position[column] = larger ? here : position[column];
    }
}

POOL_INLINE void pool_body(const float *x, int64_t rows, int64_t width, int32_t taps, int32_t step,
                           int32_t place, int64_t count, float *best, int32_t *position) {
    for (int64_t column = 0; column < count; column++) {
        best[column] = -__builtin_inff();
        position[column] = place + (int32_t)column * step;
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int32_t tap = 0; tap < taps; tap++) {
            const float *line = x + row * width + tap;
            const int32_t first = place + (int32_t)(row * width) + tap;
            if (step == 1) {
                keep_larger(line, first, 1, best, position, count);
            } else if (step == 2) {
                keep_larger(line, first, 2, best, position, count);
            } else {
                keep_larger(line, first, step, best, position, count);
            }
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void pool_avx2(const float *x, int64_t rows, int64_t width,
                                                      int32_t taps, int32_t step, int32_t place,
                                                      int64_t count, float *best,
                                                      int32_t *position) {
    pool_body(x, rows, width, taps, step, place, count, best, position);
}
#endif

void halftone_pool_maximum(uint32_t features, const float *x, int64_t rows, int64_t width,
                           int32_t taps, int32_t step, int32_t place, int64_t count, float *best,
                           int32_t *position) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX2_FMA) {
        pool_avx2(x, rows, width, taps, step, place, count, best, position);
        return;
    }
#endif
    (void)features;
    pool_body(x, rows, width, taps, step, place, count, best, position);
}
