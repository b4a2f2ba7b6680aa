// Batch norm against sums in float64.
#include "sweep.h"

static _Thread_local struct sweep_memory input, other, upstream, kept, output, values[5];

/// Errors below are counted in units of 2^-24 of the magnitudes that are summed: float32 sums run
/// over at most 64 rows, half of them each in two sums.
static const double unit = 0x1p-24;

static int are_statistics(const float *x, int64_t rows, int64_t channels, const double *sums) {
    int is_right = 1;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, sizes = 0, squares = 0;
        for (int64_t row = 0; row < rows; row++) {
            const double value = x[row * channels + c];
            sum += value;
            sizes += fabs(value);
            squares += value * value;
        }
        is_right &= fabs(sums[c] - sum) <= 33 * unit * sizes;
        // What the sums of blocks and the distances within them come to is the sum of squares. A
        // block's sum s is off by 33 units, its mean by 34; squares of distances are summed by 33
        // roundings more, each of three.
        const double found = sums[channels + c] + sums[2 * channels + c];
        is_right &= fabs(found - squares) <= (2 * 33 + 2 * 34 + 33 + 3) * unit * 4 * squares;
    }
    return is_right;
}

static void try_shape(struct sweep_result *result, uint32_t features, int64_t rows,
                      int64_t channels) {
    struct sweep_random random = {.state = (uint64_t)(rows << 20 ^ channels)};
    const int64_t count = rows * channels, bytes = 4 * count;
    float *x = sweep_take(input, bytes), *added = sweep_take(other, bytes);
    float *g = sweep_take(upstream, bytes), *y = sweep_take(output, bytes);
    float *held = sweep_take(kept, bytes);
    sweep_floats(&random, x, count);
    sweep_floats(&random, added, count);
    sweep_floats(&random, g, count);
    float *numbers[5];
    for (int i = 0; i < 5; i++) {
        numbers[i] = sweep_take(values[i], 4 * channels);
        sweep_floats(&random, numbers[i], channels);
    }
    const struct halftone_norm norm = {numbers[0], numbers[1], numbers[2], numbers[3],
                                       numbers[4]};
    static _Thread_local double sums[3 * SWEEP_LARGEST];
    memset(sums, 0, sizeof sums);
    halftone_norm_statistics(features, x, rows, channels, sums);
    int is_right = are_statistics(x, rows, channels, sums);
    sweep_digest(result, sums, 24 * channels);

    const int adds = (int)(rows % 2), rectifies = (int)(channels % 2);
    halftone_norm_value(features, x, adds ? added : 0, rows, channels, &norm, rectifies, y);
    // Each element is a chain of roundings, the same everywhere.
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i % channels;
        float value = (x[i] - norm.means[c]) * norm.factors[c] + norm.biases[c];
        if (adds) value += added[i];
        if (rectifies && value <= 0) value = 0;
        is_right &= y[i] == value;
    }
    sweep_digest(result, y, bytes);

    // The gradient's sums, held back by the output or by what is computed anew.
    static _Thread_local double totals[2 * SWEEP_LARGEST];
    memset(totals, 0, sizeof totals);
    const int by_output = rectifies && adds;
    halftone_norm_gradient_sums(features, g, x, by_output ? y : 0, rows, channels, &norm,
                                rectifies, held, totals);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, product = 0, sizes[2] = {0};
        for (int64_t i = c; i < count; i += channels) {
            const float anew = (x[i] - norm.means[c]) * norm.factors[c] + norm.biases[c];
            const int passes = !rectifies || (by_output ? y[i] : anew) > 0;
            if (by_output) is_right &= held[i] == (passes ? g[i] : 0);
            if (!passes) continue;
            sum += g[i];
            product += g[i] * ((double)x[i] - norm.means[c]);
            sizes[0] += fabs(g[i]);
            sizes[1] += fabs(g[i] * ((double)x[i] - norm.means[c]));
        }
        is_right &= fabs(totals[c] - sum) <= 66 * unit * sizes[0];
        is_right &= fabs(totals[channels + c] - product) <= 68 * unit * sizes[1];
    }
    sweep_digest(result, totals, 16 * channels);

    halftone_norm_gradient(features, g, x, rows, channels, &norm, rectifies, y);
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i % channels;
        const float anew = (x[i] - norm.means[c]) * norm.factors[c] + norm.biases[c];
        const float through = !rectifies || anew > 0 ? g[i] : 0;
        const float distance = (x[i] - norm.means[c]) * norm.slopes[c];
        is_right &= y[i] == (through - norm.shifts[c] - distance) * norm.factors[c];
    }
    sweep_digest(result, y, bytes);
    sweep_record(result, is_right, rows, channels, 0);
}

void sweep_norm(struct sweep_result *result, uint32_t features, int64_t step) {
    if (!input.end) {
        const int64_t bytes = 4 * SWEEP_LARGEST * 40;
        input = sweep_memory_of(bytes);
        other = sweep_memory_of(bytes);
        upstream = sweep_memory_of(bytes);
        kept = sweep_memory_of(bytes);
        output = sweep_memory_of(bytes);
        for (int i = 0; i < 5; i++) values[i] = sweep_memory_of(4 * SWEEP_LARGEST);
    }
    struct sweep_random random = {.state = 9};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        try_shape(result, features, n, sweep_integer(&random, 1, 40));
        try_shape(result, features, sweep_integer(&random, 1, 40), n);
    }
}
