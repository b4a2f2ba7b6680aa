// Functions of each element that cost more than memory does. The results are those of the loops in
// HalftoneKernels, bit for bit.
#include "HalftoneShims.h"
#define LANES_COUNT 32
#include "lanes_math.h"

#pragma clang fp contract(off)

// --- One argument ------------------------------------------------------------------------------

#define MAP_SOME(expression, i, number)                                                            \
    do {                                                                                           \
        const lanes x = load_lanes(input + i, number);                                             \
        store_lanes(expression, output + i, number);                                               \
    } while (0)

#define MAP_CASE(kind, expression)                                                                 \
    case kind: {                                                                                   \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= count; i += LANES) MAP_SOME(expression, i, LANES);                     \
        if (i < count) MAP_SOME(expression, i, (int)(count - i));                                  \
        break;                                                                                     \
    }

LANES_INLINE void map_body(int32_t function, const float *input, float *output, int64_t count) {
    switch (function) {
        MAP_CASE(HALFTONE_EXP, lanes_exp(x))
        MAP_CASE(HALFTONE_TANH, lanes_tanh(x))
        MAP_CASE(HALFTONE_SIGMOID, lanes_sigmoid(x))
        MAP_CASE(HALFTONE_SILU, lanes_silu(x))
        MAP_CASE(HALFTONE_GELU_TANH, lanes_gelu_tanh(x))
        MAP_CASE(HALFTONE_GELU_ERROR, lanes_gelu_error(x))
    default: break;
    }
}

LANES_FORMS(map, (int32_t function, const float *input, float *output, int64_t count),
            (function, input, output, count))

void halftone_map(uint32_t features, int32_t function, const float *input, float *output,
                  int64_t count) {
    LANES_CALL(map, (function, input, output, count));
}

// --- One argument and a factor -----------------------------------------------------------------

#define PAIR_SOME(expression, i, number)                                                           \
    do {                                                                                           \
        const lanes x = load_lanes(input + i, number);                                             \
        const lanes y = load_lanes(factor + i, number);                                            \
        store_lanes(expression, output + i, number);                                               \
    } while (0)

#define PAIR_CASE(kind, expression)                                                                \
    case kind: {                                                                                   \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= count; i += LANES) PAIR_SOME(expression, i, LANES);                    \
        if (i < count) PAIR_SOME(expression, i, (int)(count - i));                                 \
        break;                                                                                     \
    }

LANES_INLINE void multiply_body(int32_t function, const float *input, const float *factor,
                                float *output, int64_t count) {
    switch (function) {
        PAIR_CASE(HALFTONE_SILU, lanes_silu(x) * y)
        PAIR_CASE(HALFTONE_GELU_TANH, lanes_gelu_tanh(x) * y)
        PAIR_CASE(HALFTONE_GELU_ERROR, lanes_gelu_error(x) * y)
    default: break;
    }
}

LANES_FORMS(multiply,
            (int32_t function, const float *input, const float *factor, float *output,
             int64_t count),
            (function, input, factor, output, count))

void halftone_map_multiply(uint32_t features, int32_t function, const float *input,
                           const float *factor, float *output, int64_t count) {
    LANES_CALL(multiply, (function, input, factor, output, count));
}

LANES_INLINE void slope_body(int32_t function, const float *input, const float *factor,
                             float *output, int64_t count) {
    switch (function) {
        PAIR_CASE(HALFTONE_SILU, y * lanes_silu_slope(x))
        PAIR_CASE(HALFTONE_GELU_TANH, y * lanes_gelu_tanh_slope(x))
        PAIR_CASE(HALFTONE_GELU_ERROR, y * lanes_gelu_error_slope(x))
    default: break;
    }
}

LANES_FORMS(slope,
            (int32_t function, const float *input, const float *factor, float *output,
             int64_t count),
            (function, input, factor, output, count))

void halftone_map_slope(uint32_t features, int32_t function, const float *input,
                        const float *upstream, float *output, int64_t count) {
    LANES_CALL(slope, (function, input, upstream, output, count));
}

// --- Rows --------------------------------------------------------------------------------------

/// Sixteen of the lanes.
typedef float half_lanes __attribute__((ext_vector_type(16)));

LANES_INLINE half_lanes some_exponentials(const float *input, float shift, float factor,
                                          float *output, int number, half_lanes total) {
    lanes term = lanes_exp(load_lanes(input, number) - shift);
    if (number < LANES) {
        // What lies behind the row adds nothing.
        lanes rest = 0;
        memcpy(&rest, &term, (size_t)number * sizeof(float));
        term = rest;
    }
    if (output) store_lanes(term * factor, output, number);
    return total + term.lo + term.hi;
}

LANES_INLINE void exponentials_body(const float *input, float shift, float factor, float *output,
                                    int64_t count, float *sum) {
    half_lanes total = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        total = some_exponentials(input + i, shift, factor, output ? output + i : 0, LANES, total);
    }
    if (i < count) {
        total = some_exponentials(input + i, shift, factor, output ? output + i : 0,
                                  (int)(count - i), total);
    }
    float parts[16];
    memcpy(parts, &total, sizeof parts);
    for (int width = 8; width > 0; width /= 2) {
        for (int lane = 0; lane < width; lane++) parts[lane] += parts[lane + width];
    }
    *sum = parts[0];
}

LANES_FORMS(exponentials,
            (const float *input, float shift, float factor, float *output, int64_t count,
             float *sum),
            (input, shift, factor, output, count, sum))

float halftone_exponentials(uint32_t features, const float *input, float shift, float factor,
                            float *output, int64_t count) {
    float sum;
    LANES_CALL(exponentials, (input, shift, factor, output, count, &sum));
    return sum;
}

LANES_INLINE void maximum_body(const float *input, int64_t count, float *result) {
    lanes best = -__builtin_inff();
    for (int64_t i = 0; i + LANES <= count; i += LANES) {
        const lanes x = load_lanes(input + i, LANES);
        best = lanes_where(x > best, x, best);
    }
    float largest = -__builtin_inff();
    for (int lane = 0; lane < LANES; lane++) {
        if (best[lane] > largest) largest = best[lane];
    }
    for (int64_t i = count / LANES * LANES; i < count; i++) {
        if (input[i] > largest) largest = input[i];
    }
    *result = largest;
}

LANES_FORMS(maximum, (const float *input, int64_t count, float *result), (input, count, result))

float halftone_maximum(uint32_t features, const float *input, int64_t count) {
    float result;
    LANES_CALL(maximum, (input, count, &result));
    return result;
}
