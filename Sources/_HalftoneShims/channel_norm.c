// Batch norm of images whose channels lie last, with the addition and the rectifier that often
// follow it. Sums go over at most ROWS pixels in float32 and over the rest in float64.
#include "HalftoneShims.h"
#include "lanes.h"

#pragma clang fp contract(off)

enum { ROWS = 64 };

// --- Statistics --------------------------------------------------------------------------------

LANES_INLINE void statistics_of_lanes(const float *x, int64_t rows, int64_t stride, int count,
                                      double *sum, double *between, double *within) {
    wide_lanes all = 0, squares = 0, inner = 0;
    for (int64_t first = 0; first < rows; first += ROWS) {
        const int64_t number = rows - first < ROWS ? rows - first : ROWS;
        const float *block = x + first * stride;
        lanes even = 0, odd = 0;
        int64_t row = 0;
        for (; row + 2 <= number; row += 2) {
            even += load_lanes(block + row * stride, count);
            odd += load_lanes(block + (row + 1) * stride, count);
        }
        if (row < number) even += load_lanes(block + row * stride, count);
        const lanes total = even + odd;
        const lanes mean = total / (lanes)(float)number;
        even = odd = 0;
        for (row = 0; row + 2 <= number; row += 2) {
            const lanes one = load_lanes(block + row * stride, count) - mean;
            const lanes two = load_lanes(block + (row + 1) * stride, count) - mean;
            even += one * one;
            odd += two * two;
        }
        if (row < number) {
            const lanes one = load_lanes(block + row * stride, count) - mean;
            even += one * one;
        }
        const wide_lanes wide = __builtin_convertvector(total, wide_lanes);
        all += wide;
        squares += wide * wide * (wide_lanes)(1.0 / (double)number);
        inner += __builtin_convertvector(even + odd, wide_lanes);
    }
    add_wide(all, sum, count);
    add_wide(squares, between, count);
    add_wide(inner, within, count);
}

LANES_INLINE void statistics_body(const float *x, int64_t rows, int64_t channels, double *sums) {
    for (int64_t row = 0; row < rows; row += ROWS) {
        const int64_t number = rows - row < ROWS ? rows - row : ROWS;
        const float *block = x + row * channels;
        int64_t c = 0;
        for (; c + LANES <= channels; c += LANES) {
            statistics_of_lanes(block + c, number, channels, LANES, sums + c, sums + channels + c,
                                sums + 2 * channels + c);
        }
        if (c < channels) {
            statistics_of_lanes(block + c, number, channels, (int)(channels - c), sums + c,
                                sums + channels + c, sums + 2 * channels + c);
        }
    }
}

LANES_FORMS(statistics, (const float *x, int64_t rows, int64_t channels, double *sums),
            (x, rows, channels, sums))

void halftone_norm_statistics(uint32_t features, const float *x, int64_t rows, int64_t channels,
                              double *sums) {
    LANES_CALL(statistics, (x, rows, channels, sums));
}

// --- Value -------------------------------------------------------------------------------------

LANES_INLINE void value_of_lanes(const float *x, const float *other, int64_t rows, int64_t stride,
                                 int count, const struct halftone_norm *norm, int64_t c,
                                 int rectifies, float *output) {
    const lanes mean = load_lanes(norm->means + c, count);
    const lanes factor = load_lanes(norm->factors + c, count);
    const lanes bias = load_lanes(norm->biases + c, count);
    for (int64_t row = 0; row < rows; row++) {
        lanes value = (load_lanes(x + row * stride, count) - mean) * factor + bias;
        if (other) value += load_lanes(other + row * stride, count);
        if (rectifies) value = keep_lanes(value, ~(value <= 0));
        store_lanes(value, output + row * stride, count);
    }
}

LANES_INLINE void value_blocks(const float *x, const float *other, int64_t rows, int64_t channels,
                               const struct halftone_norm *norm, int rectifies, float *output) {
    for (int64_t row = 0; row < rows; row += ROWS) {
        const int64_t number = rows - row < ROWS ? rows - row : ROWS;
        for (int64_t c = 0; c < channels; c += LANES) {
            const int64_t start = row * channels + c;
            const float *addend = other ? other + start : 0;
            if (c + LANES <= channels) {
                value_of_lanes(x + start, addend, number, channels, LANES, norm, c, rectifies,
                               output + start);
            } else {
                value_of_lanes(x + start, addend, number, channels, (int)(channels - c), norm, c,
                               rectifies, output + start);
            }
        }
    }
}

LANES_INLINE void value_body(const float *x, const float *other, int64_t rows, int64_t channels,
                             const struct halftone_norm *norm, int32_t rectifies, float *output) {
    if (other && rectifies) {
        value_blocks(x, other, rows, channels, norm, 1, output);
    } else if (other) {
        value_blocks(x, other, rows, channels, norm, 0, output);
    } else if (rectifies) {
        value_blocks(x, 0, rows, channels, norm, 1, output);
    } else {
        value_blocks(x, 0, rows, channels, norm, 0, output);
    }
}

LANES_FORMS(value,
            (const float *x, const float *other, int64_t rows, int64_t channels,
             const struct halftone_norm *norm, int32_t rectifies, float *output),
            (x, other, rows, channels, norm, rectifies, output))

void halftone_norm_value(uint32_t features, const float *x, const float *other, int64_t rows,
                         int64_t channels, const struct halftone_norm *norm, int32_t rectifies,
                         float *output) {
    LANES_CALL(value, (x, other, rows, channels, norm, rectifies, output));
}

// --- Gradients ---------------------------------------------------------------------------------

/// Where a gradient passes: what came out of the rectifier, or is computed anew, is above 0.
LANES_INLINE lane_bits passes(lanes x, lanes mean, lanes factor, lanes bias) {
    return (x - mean) * factor + bias > 0;
}

LANES_INLINE void sums_of_lanes(const float *g, const float *x, const float *y, int64_t rows,
                                int64_t stride, int count, const struct halftone_norm *norm,
                                int64_t c, int rectifies, float *kept, double *sum, double *dot) {
    const lanes mean = load_lanes(norm->means + c, count);
    const lanes factor = load_lanes(norm->factors + c, count);
    const lanes bias = load_lanes(norm->biases + c, count);
    lanes sums = 0, dots = 0;
    for (int64_t row = 0; row < rows; row++) {
        const lanes value = load_lanes(x + row * stride, count);
        lanes slope = load_lanes(g + row * stride, count);
        if (y) {
            slope = keep_lanes(slope, load_lanes(y + row * stride, count) > 0);
            store_lanes(slope, kept + row * stride, count);
        } else if (rectifies) {
            slope = keep_lanes(slope, passes(value, mean, factor, bias));
        }
        sums += slope;
        dots += slope * (value - mean);
    }
    add_wide(__builtin_convertvector(sums, wide_lanes), sum, count);
    add_wide(__builtin_convertvector(dots, wide_lanes), dot, count);
}

LANES_INLINE void sums_blocks(const float *g, const float *x, const float *y, int64_t rows,
                              int64_t channels, const struct halftone_norm *norm, int rectifies,
                              float *kept, double *sums) {
    for (int64_t row = 0; row < rows; row += ROWS) {
        const int64_t number = rows - row < ROWS ? rows - row : ROWS;
        for (int64_t c = 0; c < channels; c += LANES) {
            const int64_t start = row * channels + c;
            const float *result = y ? y + start : 0;
            float *target = y ? kept + start : 0;
            if (c + LANES <= channels) {
                sums_of_lanes(g + start, x + start, result, number, channels, LANES, norm, c,
                              rectifies, target, sums + c, sums + channels + c);
            } else {
                sums_of_lanes(g + start, x + start, result, number, channels, (int)(channels - c),
                              norm, c, rectifies, target, sums + c, sums + channels + c);
            }
        }
    }
}

LANES_INLINE void sums_body(const float *g, const float *x, const float *y, int64_t rows,
                            int64_t channels, const struct halftone_norm *norm, int32_t rectifies,
                            float *kept, double *sums) {
    if (y) {
        sums_blocks(g, x, y, rows, channels, norm, 1, kept, sums);
    } else if (rectifies) {
        sums_blocks(g, x, 0, rows, channels, norm, 1, 0, sums);
    } else {
        sums_blocks(g, x, 0, rows, channels, norm, 0, 0, sums);
    }
}

LANES_FORMS(sums,
            (const float *g, const float *x, const float *y, int64_t rows, int64_t channels,
             const struct halftone_norm *norm, int32_t rectifies, float *kept, double *sums),
            (g, x, y, rows, channels, norm, rectifies, kept, sums))

void halftone_norm_gradient_sums(uint32_t features, const float *g, const float *x, const float *y,
                                 int64_t rows, int64_t channels, const struct halftone_norm *norm,
                                 int32_t rectifies, float *kept, double *totals) {
    LANES_CALL(sums, (g, x, y, rows, channels, norm, rectifies, kept, totals));
}

LANES_INLINE void gradient_of_lanes(const float *g, const float *x, int64_t rows, int64_t stride,
                                    int count, const struct halftone_norm *norm, int64_t c,
                                    int rectifies, float *output) {
    const lanes mean = load_lanes(norm->means + c, count);
    const lanes factor = load_lanes(norm->factors + c, count);
    const lanes bias = load_lanes(norm->biases + c, count);
    const lanes shift = load_lanes(norm->shifts + c, count);
    const lanes slope = load_lanes(norm->slopes + c, count);
    for (int64_t row = 0; row < rows; row++) {
        const lanes value = load_lanes(x + row * stride, count);
        lanes upstream = load_lanes(g + row * stride, count);
        if (rectifies) upstream = keep_lanes(upstream, passes(value, mean, factor, bias));
        store_lanes((upstream - shift - (value - mean) * slope) * factor, output + row * stride,
                    count);
    }
}

LANES_INLINE void gradient_blocks(const float *g, const float *x, int64_t rows, int64_t channels,
                                  const struct halftone_norm *norm, int rectifies, float *output) {
    for (int64_t row = 0; row < rows; row += ROWS) {
        const int64_t number = rows - row < ROWS ? rows - row : ROWS;
        for (int64_t c = 0; c < channels; c += LANES) {
            const int64_t start = row * channels + c;
            if (c + LANES <= channels) {
                gradient_of_lanes(g + start, x + start, number, channels, LANES, norm, c,
                                  rectifies, output + start);
            } else {
                gradient_of_lanes(g + start, x + start, number, channels, (int)(channels - c),
                                  norm, c, rectifies, output + start);
            }
        }
    }
}

LANES_INLINE void gradient_body(const float *g, const float *x, int64_t rows, int64_t channels,
                                const struct halftone_norm *norm, int32_t rectifies,
                                float *output) {
    if (rectifies) {
        gradient_blocks(g, x, rows, channels, norm, 1, output);
    } else {
        gradient_blocks(g, x, rows, channels, norm, 0, output);
    }
}

LANES_FORMS(gradient,
            (const float *g, const float *x, int64_t rows, int64_t channels,
             const struct halftone_norm *norm, int32_t rectifies, float *output),
            (g, x, rows, channels, norm, rectifies, output))

void halftone_norm_gradient(uint32_t features, const float *g, const float *x, int64_t rows,
                            int64_t channels, const struct halftone_norm *norm, int32_t rectifies,
                            float *output) {
    LANES_CALL(gradient, (g, x, rows, channels, norm, rectifies, output));
}
