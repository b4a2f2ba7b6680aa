// Scores and mixtures of attention against sums in float64.
//
// A float32 sum of n products in any order is off by at most n · 2^-24 / (1 − n · 2^-24) times the
// sum of their magnitudes (N. Higham, "Accuracy and Stability of Numerical Algorithms", 3.1); one
// more rounding is the scale's.
#include "sweep.h"

static double bound(int64_t terms, double magnitudes) {
    const double u = (double)(terms + 1) * 0x1p-24;
    return u / (1 - u) * magnitudes;
}

static void try_shape(struct sweep_result *result, uint32_t features, int64_t width,
                      int64_t count) {
    static _Thread_local struct sweep_memory vector, rows, outputs;
    if (!vector.end) {
        vector = sweep_memory_of(4 * SWEEP_LARGEST);
        rows = sweep_memory_of(4 * SWEEP_LARGEST * SWEEP_LARGEST);
        outputs = sweep_memory_of(4 * SWEEP_LARGEST);
    }
    struct sweep_random random = {.state = (uint64_t)(width << 20 ^ count)};
    float *values = sweep_take(rows, 4 * width * count);
    sweep_floats(&random, values, width * count);
    int is_right = 1;

    float *query = sweep_take(vector, 4 * width), *scores = sweep_take(outputs, 4 * count);
    const float scale = 0.1f;
    sweep_floats(&random, query, width);
    halftone_attend_scores(features, query, values, width, count, scale, scores);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0, magnitudes = 0;
        for (int64_t d = 0; d < width; d++) {
            const double term = (double)query[d] * values[i * width + d] * scale;
            sum += term;
            magnitudes += fabs(term);
        }
        is_right &= fabs(scores[i] - sum) <= bound(width, magnitudes);
    }
    sweep_digest(result, scores, 4 * count);

    float *weights = sweep_take(vector, 4 * count), *mix = sweep_take(outputs, 4 * width);
    sweep_floats(&random, weights, count);
    halftone_attend_mix(features, weights, values, width, count, mix);
    for (int64_t d = 0; d < width; d++) {
        double sum = 0, magnitudes = 0;
        for (int64_t i = 0; i < count; i++) {
            const double term = (double)weights[i] * values[i * width + d];
            sum += term;
            magnitudes += fabs(term);
        }
        is_right &= fabs(mix[d] - sum) <= bound(count, magnitudes);
    }
    sweep_digest(result, mix, 4 * width);
    sweep_record(result, is_right, width, count, 0);
}

void sweep_attention(struct sweep_result *result, uint32_t features, int64_t step) {
    struct sweep_random random = {.state = 5};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        try_shape(result, features, n, sweep_integer(&random, 1, 40));
        try_shape(result, features, sweep_integer(&random, 1, 130), n);
    }
    for (int i = 0; i < 20; i++) {
        int64_t width = sweep_integer(&random, 1, SWEEP_LARGEST);
        try_shape(result, features, width, sweep_integer(&random, 1, SWEEP_LARGEST));
    }
}
