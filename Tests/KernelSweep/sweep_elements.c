// Functions of elements: one element of many is what it is alone, to the bit; and sums and maxima.
#include "sweep.h"

enum { FUNCTIONS = HALFTONE_GELU_ERROR + 1, FIRST_PAIR = HALFTONE_SILU };

/// Values that the functions treat in different ways, around 0, and those that are no numbers.
static void make_input(struct sweep_random *random, float *values, int64_t count) {
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 88.7f, -104.0f};
    for (int64_t i = 0; i < count; i++) {
        const int64_t pick = sweep_integer(random, 0, 40);
        values[i] = pick < 8 ? special[pick] : sweep_float(random) * (pick < 20 ? 100.0f : 5.0f);
    }
}

/// Whether two results are the same bits, or both no numbers.
static int is_same(const float *x, const float *y, int64_t count) {
    int is_right = 1;
    for (int64_t i = 0; i < count; i++) {
        is_right &= memcmp(x + i, y + i, 4) == 0 || (isnan(x[i]) && isnan(y[i]));
    }
    return is_right;
}

/// Adds to the digest; what stands behind a NaN is left to the processor.
static void digest(struct sweep_result *result, float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (isnan(values[i])) values[i] = NAN;
    }
    sweep_digest(result, values, 4 * count);
}

static _Thread_local struct {
    float input[SWEEP_LARGEST], factor[SWEEP_LARGEST];
    float map[FUNCTIONS][SWEEP_LARGEST], multiplied[FUNCTIONS][SWEEP_LARGEST];
    float slope[FUNCTIONS][SWEEP_LARGEST];
} alone;

static void compute_alone(uint32_t features) {
    struct sweep_random random = {.state = 6};
    make_input(&random, alone.input, SWEEP_LARGEST);
    sweep_floats(&random, alone.factor, SWEEP_LARGEST);
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int i = 0; i < SWEEP_LARGEST; i++) {
            const float *x = alone.input + i, *y = alone.factor + i;
            halftone_map(features, f, x, alone.map[f] + i, 1);
            if (f < FIRST_PAIR) continue;
            halftone_map_multiply(features, f, x, y, alone.multiplied[f] + i, 1);
            halftone_map_slope(features, f, x, y, alone.slope[f] + i, 1);
        }
    }
}

/// The sum and the terms of exponentials. A term is off by 3 units in the last place and the
/// difference before it by half of one, which e^ multiplies with its size; `sixteen` running sums
/// round each term once more, and their own sum four times.
static int are_exponentials(const float *input, int64_t count, float shift, float factor,
                            const float *output, float sum) {
    double exact = 0, allowed = 0;
    int is_right = 1;
    for (int64_t i = 0; i < count; i++) {
        const double difference = (double)input[i] - shift, term = exp(difference);
        const double error = term * (3 * 0x1p-23 + fabs(difference) * 0x1p-24) + 0x1p-126;
        is_right &= fabs(output[i] - term * factor) <= (error + term * 0x1p-24) * fabs(factor);
        exact += term;
        allowed += error + term * ((double)count / 16 + 5) * 0x1p-24;
    }
    return is_right && fabs(sum - exact) <= allowed;
}

void sweep_elements(struct sweep_result *result, uint32_t features, int64_t step) {
    static _Thread_local struct sweep_memory memory[3];
    for (int i = 0; i < 3; i++) {
        if (!memory[i].end) memory[i] = sweep_memory_of(4 * SWEEP_LARGEST);
    }
    compute_alone(features);
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        float *x = sweep_take(memory[0], 4 * n), *y = sweep_take(memory[1], 4 * n);
        float *output = sweep_take(memory[2], 4 * n);
        memcpy(x, alone.input, (size_t)(4 * n));
        memcpy(y, alone.factor, (size_t)(4 * n));
        int is_right = 1;
        for (int f = 0; f < FUNCTIONS; f++) {
            halftone_map(features, f, x, output, n);
            is_right &= is_same(output, alone.map[f], n);
            digest(result, output, n);
            if (f < FIRST_PAIR) continue;
            halftone_map_multiply(features, f, x, y, output, n);
            is_right &= is_same(output, alone.multiplied[f], n);
            digest(result, output, n);
            halftone_map_slope(features, f, x, y, output, n);
            is_right &= is_same(output, alone.slope[f], n);
            digest(result, output, n);
        }
        // Maxima, with one that is no number and before it.
        float largest = -INFINITY;
        for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
        const float maximum = halftone_maximum(features, x, n);
        is_right &= maximum == largest;

        struct sweep_random random = {.state = (uint64_t)n};
        for (int64_t i = 0; i < n; i++) x[i] = 30 * sweep_float(&random);
        const float shift = halftone_maximum(features, x, n);
        const float sum = halftone_exponentials(features, x, shift, 0.7f, output, n);
        is_right &= are_exponentials(x, n, shift, 0.7f, output, sum);
        is_right &= halftone_exponentials(features, x, shift, 0, 0, n) == sum;
        sweep_digest(result, output, 4 * n);
        sweep_digest(result, &sum, 4);
        sweep_record(result, is_right, n, 0, 0);
    }
}
