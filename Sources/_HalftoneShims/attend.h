// Attention of one query over the keys of one head, and gates of perceptrons. Included once per
// instruction set, with
//   ATTEND_TARGET     the attribute of its functions,
//   ATTEND_FORM       the table of its functions.
#include "panel_types.h"

#define ATTEND_INLINE ATTEND_TARGET __attribute__((always_inline)) static inline

ATTEND_INLINE float attend_sum(floats16 x) {
    floats8 a = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    floats4 b =
        __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/// e^x for x up to 88, 0 below −87; the polynomial of Moshier's Cephes (expf), within 2 ulp.
ATTEND_INLINE floats16 attend_exp(floats16 x) {
    ints16 small = (ints16)(x < -87.0f);
    x = (floats16)((ints16)x & ~small);
    floats16 shifted = x * 1.44269504f + 0x1.8p23f;
    floats16 n = shifted - 0x1.8p23f;
    floats16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    floats16 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    ints16 power = ((ints16)shifted - (0x4B400000 - 127)) << 23;
    return (floats16)((ints16)(p * (floats16)power) & ~small);
}

ATTEND_TARGET static void attend_scores(const float *query, const float *keys, int64_t width,
                                        int64_t count, float scale, float *scores) {
    int64_t whole = width / 16 * 16;
    for (int64_t i = 0; i < count; i++, keys += width) {
        floats16 sum = {0};
        for (int64_t d = 0; d < whole; d += 16) {
            sum += *(const floats16 *)(query + d) * *(const floats16 *)(keys + d);
        }
        float rest = 0;
        for (int64_t d = whole; d < width; d++) rest += query[d] * keys[d];
        scores[i] = (attend_sum(sum) + rest) * scale;
    }
}

/// Replaces scores by e^(score − largest); returns their sum.
ATTEND_INLINE float attend_weights(float *scores, int64_t count) {
    float largest = scores[0];
    for (int64_t i = 1; i < count; i++) largest = scores[i] > largest ? scores[i] : largest;
    floats16 total = {0};
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        floats16 x = attend_exp(*(const floats16 *)(scores + i) - largest);
        total += x;
        *(floats16 *)(scores + i) = x;
    }
    if (i < count) {
        // What is behind the last score weighs nothing.
        floats16 x = (floats16){0} + (largest - 100.0f);
        memcpy(&x, scores + i, 4 * (count - i));
        x = attend_exp(x - largest);
        total += x;
        memcpy(scores + i, &x, 4 * (count - i));
    }
    return attend_sum(total);
}

ATTEND_TARGET static void attend_mix(float *scores, const float *values, int64_t width,
                                     int64_t count, float *output) {
    float inverse = 1 / attend_weights(scores, count);
    int64_t start = 0;
    for (; start + 64 <= width; start += 64) {
        floats16 sum[4] = {{0}, {0}, {0}, {0}};
        const float *value = values + start;
        for (int64_t i = 0; i < count; i++, value += width) {
            for (int j = 0; j < 4; j++) sum[j] += *(const floats16 *)(value + 16 * j) * scores[i];
        }
        for (int j = 0; j < 4; j++) *(floats16 *)(output + start + 16 * j) = sum[j] * inverse;
    }
    for (; start < width; start += 16) {
        int64_t part = width - start < 16 ? width - start : 16;
        floats16 sum = {0};
        for (int64_t i = 0; i < count; i++) {
            floats16 value = {0};
            memcpy(&value, values + i * width + start, 4 * part);
            sum += value * scores[i];
        }
        sum *= inverse;
        memcpy(output + start, &sum, 4 * part);
    }
}

ATTEND_INLINE floats16 attend_gate(floats16 g, floats16 u) {
    // From g = −87 down, where e^−g would overflow, the divisor stays: the quotient is below the
    // smallest normal number times 87.
    ints16 large = (ints16)(g < -87.0f);
    floats16 x = (floats16)(((ints16)-g & ~large) | ((ints16)((floats16){0} + 87.0f) & large));
    return g / (attend_exp(x) + 1.0f) * u;
}

ATTEND_TARGET static void attend_silu(const float *gate, const float *up, int64_t count,
                                      float *output) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        *(floats16 *)(output + i) =
            attend_gate(*(const floats16 *)(gate + i), *(const floats16 *)(up + i));
    }
    if (i < count) {
        floats16 g = {0}, u = {0};
        memcpy(&g, gate + i, 4 * (count - i));
        memcpy(&u, up + i, 4 * (count - i));
        g = attend_gate(g, u);
        memcpy(output + i, &g, 4 * (count - i));
    }
}

ATTEND_TARGET static void attend_softmax(float *scores, int64_t count) {
    float inverse = 1 / attend_weights(scores, count);
    for (int64_t i = 0; i < count; i++) scores[i] *= inverse;
}

const struct attend_form ATTEND_FORM = {attend_scores, attend_mix, attend_softmax,
                                       attend_silu};
