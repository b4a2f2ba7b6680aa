// Rounding to integers, held bit for bit to its definition.
#include "sweep.h"

enum { MOST = SWEEP_LARGEST + 31 };

static _Thread_local struct sweep_memory input, values, scales, sums;

static void try_vectors(struct sweep_result *result, uint32_t features, int64_t columns,
                        int64_t count) {
    struct sweep_random random = {.state = (uint64_t)(columns << 20 ^ count)};
    const int64_t runs = (columns + 31) / 32, stride = columns + count % 2;
    const int64_t length = (count - 1) * stride + columns;
    float *x = sweep_take(input, 4 * length);
    sweep_floats(&random, x, length);
    // Runs of zeros, and of halves of steps.
    if (columns % 5 == 0) memset(x, 0, (size_t)(4 * (columns < 32 ? columns : 32)));
    if (columns % 7 == 0) {
        for (int64_t i = 0; i < columns; i++) x[i] = (float)sweep_integer(&random, -253, 253) / 2;
        x[0] = 127;
    }
    // In tiles, and where there is but one vector also alone.
    const int64_t lanes = count == 1 && columns % 2 ? 1 : 16, first = count % 3 * (lanes > 1);
    const int64_t places = (first + count + lanes - 1) / lanes * lanes * runs;
    struct halftone_panel_vectors to = {
        .first = first,
        .count = count,
        .runs = runs,
        .lanes = lanes,
        .values = sweep_take(values, 32 * places),
        .scales = sweep_take(scales, 4 * places),
        .sums = sweep_take(sums, 8 * places),
    };
    halftone_panel_quantize(features, x, columns, stride, &to, 0);
    int is_right = 1;
    for (int64_t t = 0; t < count; t++) {
        for (int64_t run = 0; run < runs; run++) {
            const float *from = x + t * stride;
            float largest = 0;
            for (int64_t c = 32 * run; c < 32 * run + 32 && c < columns; c++) {
                largest = fmaxf(largest, fabsf(from[c]));
            }
            const float inverse = largest > 0 ? 127 / largest : 0;
            int32_t sum[2] = {0, 0};
            const int64_t at = halftone_panel_place(&to, first + t, run);
            const int8_t *bytes = to.values + 32 * at;
            for (int64_t i = 0; i < 32; i++) {
                const int64_t c = 32 * run + i;
                const float code = c < columns ? rintf(from[c] * inverse) : 0;
                is_right &= bytes[i] == code;
                sum[i / 16] += bytes[i];
            }
            is_right &= to.scales[at] == largest / 127;
            const int32_t *sums = to.sums + 2 * at - at % lanes;
            is_right &= sums[0] == sum[0] && sums[lanes] == sum[1];
            sweep_digest(result, bytes, 32);
            sweep_digest(result, to.scales + at, 4);
        }
    }
    sweep_record(result, is_right, columns, count, 0);
}

/// Codes of weights and their errors, which 64 lanes of eight sum in float32: off by 66 roundings
/// of sums of squares, and those of the terms.
static void try_codes(struct sweep_result *result, uint32_t features, int64_t count) {
    struct sweep_random random = {.state = (uint64_t)count};
    float *x = sweep_take(input, 4 * count);
    uint8_t *codes = sweep_take(values, count);
    sweep_floats(&random, x, count);
    const float unit = 4, scale = 0.3f, zero = 7.25f, maximum = 15;
    halftone_packed_round(features, x, count, unit, scale, zero, maximum, codes);
    struct halftone_fit fit;
    halftone_packed_fit(features, x, NULL, count, unit, scale, zero, maximum, &fit);
    double error = 0, cross = 0, square = 0, sizes[3] = {0};
    int is_right = 1;
    for (int64_t i = 0; i < count; i++) {
        const float steps = x[i] * unit / scale + zero;
        const float code = rintf(fminf(fmaxf(steps, 0), maximum));
        is_right &= codes[i] == code;
        const double level = (double)code - zero, value = (double)x[i] * unit;
        const double rest = value - level * scale;
        error += rest * rest;
        cross += value * level;
        square += level * level;
        sizes[0] += rest * rest + 4 * fabs(rest) * fabs(value);
        sizes[1] += fabs(value * level);
        sizes[2] += level * level;
    }
    const double u = 70 * 0x1p-24;
    is_right &= fabs(fit.error - error) <= u * sizes[0];
    is_right &= fabs(fit.cross - cross) <= u * sizes[1];
    is_right &= fabs(fit.square - square) <= u * sizes[2];
    sweep_record(result, is_right, count, 0, 0);
    sweep_digest(result, codes, count);
    sweep_digest(result, &fit, sizeof fit);
}

void sweep_rounding(struct sweep_result *result, uint32_t features, int64_t step) {
    if (!input.end) {
        input = sweep_memory_of(4 * MOST * 64);
        values = sweep_memory_of(MOST * 64);
        scales = sweep_memory_of(MOST * 8);
        sums = sweep_memory_of(MOST * 16);
    }
    struct sweep_random random = {.state = 8};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        try_vectors(result, features, n, sweep_integer(&random, 1, 4));
        try_vectors(result, features, sweep_integer(&random, 1, 40), n);
        try_codes(result, features, n);
    }
}
