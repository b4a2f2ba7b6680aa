// What moves numbers without computing with them: the results are exact.
#include "sweep.h"

static _Thread_local struct sweep_memory input, output, places;

static void make_room(void) {
    if (input.end) return;
    const int64_t bytes = 4 * (SWEEP_LARGEST + 8) * 64;
    input = sweep_memory_of(bytes);
    output = sweep_memory_of(bytes);
    places = sweep_memory_of(4 * SWEEP_LARGEST);
}

static void try_transpose(struct sweep_result *result, uint32_t features, int64_t rows,
                          int64_t columns, int64_t gap) {
    const int64_t stride = columns + gap, output_stride = rows + gap;
    // Without the gaps of the last row.
    const int64_t count = (rows - 1) * stride + columns;
    const int64_t output_count = (columns - 1) * output_stride + rows;
    float *x = sweep_take(input, 4 * count), *y = sweep_take(output, 4 * output_count);
    struct sweep_random random = {.state = (uint64_t)(rows << 20 ^ columns)};
    sweep_floats(&random, x, count);
    // Gaps keep what they hold.
    for (int64_t i = 0; i < output_count; i++) y[i] = 7;
    halftone_transpose(features, x, stride, rows, columns, y, output_stride);
    int is_right = 1;
    for (int64_t c = 0; c < columns; c++) {
        for (int64_t r = 0; r < output_stride && c * output_stride + r < output_count; r++) {
            is_right &= y[c * output_stride + r] == (r < rows ? x[r * stride + c] : 7);
        }
    }
    sweep_record(result, is_right, rows, columns, gap);
    sweep_digest(result, y, 4 * output_count);
}

static void try_maximum(struct sweep_result *result, uint32_t features, int64_t count,
                        int64_t rows, int32_t taps, int32_t step) {
    const int64_t width = (count - 1) * step + taps;
    float *x = sweep_take(input, 4 * rows * width);
    float *best = sweep_take(output, 4 * count);
    int32_t *position = sweep_take(places, 4 * count);
    struct sweep_random random = {.state = (uint64_t)(count << 20 ^ rows << 10 ^ taps)};
    // Few different numbers, so that some are equal.
    for (int64_t i = 0; i < rows * width; i++) x[i] = (float)sweep_integer(&random, -3, 3);
    halftone_pool_maximum(features, x, rows, width, taps, step, 100, count, best, position);
    int is_right = 1;
    for (int64_t c = 0; c < count; c++) {
        float largest = -INFINITY;
        int64_t place = 0;
        for (int64_t i = 0; i < rows * taps; i++) {
            const int64_t at = i / taps * width + i % taps + c * step;
            if (x[at] > largest) {
                largest = x[at];
                place = 100 + at;
            }
        }
        is_right &= best[c] == largest && position[c] == place;
    }
    sweep_record(result, is_right, count, rows, taps);
    sweep_digest(result, position, 4 * count);
}

void sweep_moves(struct sweep_result *result, uint32_t features, int64_t step) {
    make_room();
    struct sweep_random random = {.state = 7};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        const int64_t gap = sweep_integer(&random, 0, 8);
        try_transpose(result, features, n, sweep_integer(&random, 1, 40), gap);
        try_transpose(result, features, sweep_integer(&random, 1, 40), n, gap);
        for (int32_t window = 1; window <= 3; window++) {
            try_maximum(result, features, n, sweep_integer(&random, 1, 3),
                        (int32_t)sweep_integer(&random, 1, 4), window);
        }
    }
}
