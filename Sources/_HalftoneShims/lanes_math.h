// Elementary functions of sixteen floats, operation for operation those of VectorMath in
// HalftoneKernels, which states their errors: both give the same bits.
#ifndef HALFTONE_LANES_MATH_H
#define HALFTONE_LANES_MATH_H

#include "lanes.h"

#pragma clang fp contract(off)

LANES_INLINE lanes lanes_where(lane_bits mask, lanes yes, lanes no) {
    return (lanes)(((lane_bits)yes & mask) | ((lane_bits)no & ~mask));
}

LANES_INLINE lanes lanes_magnitude(lanes x) { return (lanes)((lane_bits)x & 0x7FFFFFFF); }

LANES_INLINE lanes lanes_power_of_two(lane_bits exponent) {
    return (lanes)((exponent + 127) << 23);
}

LANES_INLINE lanes lanes_exp(lanes x) {
    const float rounding_shift = 0x1.8p23f;
    const lane_bits size = (lane_bits)x & 0x7FFFFFFF;
    const lane_bits sign = (lane_bits)x & (int32_t)0x80000000;
    const lane_bits is_nan = size > 0x7F800000;
    x = lanes_where(size > 0x42D00000, (lanes)(sign | 0x42D00000), x);
    const lanes shifted = x * 1.442695f + rounding_shift;
    const lanes k = shifted - rounding_shift;
    const lanes r = (x - k * 0.693359375f) - k * -2.1219444e-4f;
    lanes p = r * 0.0013941214f + 0.008363235f;
    p = p * r + 0.041666374f;
    p = p * r + 0.16666576f;
    p = p * r + 0.5f;
    p = p * (r * r) + r + 1.0f;
    const lane_bits exponent = (lane_bits)shifted - 0x4B400000;
    const lane_bits half = exponent >> 1;
    const lanes result = p * lanes_power_of_two(half) * lanes_power_of_two(exponent - half);
    return (lanes)((lane_bits)result | is_nan);
}

LANES_INLINE lanes lanes_sigmoid(lanes x) { return 1.0f / (1.0f + lanes_exp(-x)); }

LANES_INLINE lanes lanes_silu(lanes x) { return x / (1.0f + lanes_exp(-x)); }

LANES_INLINE lanes lanes_tanh(lanes x) {
    const lane_bits sign = (lane_bits)x & (int32_t)0x80000000;
    const lanes size = lanes_magnitude(x);
    const lanes square = size * size;
    lanes p = square * -0.0057174955f + 0.020651042f;
    p = p * square - 0.05374366f;
    p = p * square + 0.13331494f;
    p = p * square - 0.33333284f;
    const lanes near = size + size * (p * square);
    const lanes far = 1.0f - 2.0f / (lanes_exp(size + size) + 1.0f);
    const lane_bits is_near = (lane_bits)size < 0x3F200000;
    return (lanes)((lane_bits)lanes_where(is_near, near, far) | sign);
}

/// e^(z²) · erfc z for z >= 0.
LANES_INLINE lanes lanes_scaled_complementary_error(lanes z) {
    const lanes t = 1.0f / (1.0f + z * 0.5f);
    lanes p = t * -0.059193883f + 0.28518543f;
    p = p * t - 0.48846602f;
    p = p * t + 0.27951819f;
    p = p * t - 0.02762705f;
    p = p * t + 0.20311135f;
    p = p * t + 0.24299631f;
    p = p * t + 0.28239012f;
    p = p * t + 0.28208557f;
    return p * t;
}

LANES_INLINE lanes lanes_complementary_error(lanes z) {
    return lanes_scaled_complementary_error(z) * lanes_exp(-(z * z));
}

LANES_INLINE lanes lanes_gelu_tanh(lanes x) {
    const lanes inner = x * (1.0f + x * x * 0.044715f);
    return x / (1.0f + lanes_exp(inner * -1.5957691f));
}

LANES_INLINE lanes lanes_gelu_error(lanes x) {
    const lanes tail = lanes_complementary_error(lanes_magnitude(x) * 0.70710677f);
    const lanes part = x * 0.5f * tail;
    return lanes_where((lane_bits)x >> 31, part, x - part);
}

LANES_INLINE lanes lanes_silu_slope(lanes x) {
    const lanes s = lanes_sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

LANES_INLINE lanes lanes_gelu_tanh_slope(lanes x) {
    const lanes square = x * x;
    const lanes s = lanes_sigmoid(x * (1.0f + square * 0.044715f) * 1.5957691f);
    const lanes slope = (1.0f + square * 0.134145f) * 1.5957691f;
    return s + x * slope * (s * (1.0f - s));
}

LANES_INLINE lanes lanes_gelu_error_slope(lanes x) {
    const lanes density = lanes_exp(x * x * -0.5f);
    const lanes scaled = lanes_scaled_complementary_error(lanes_magnitude(x) * 0.70710677f);
    const lanes tail = scaled * density * 0.5f;
    const lanes share = lanes_where(x < 0.0f, tail, 1.0f - tail);
    return share + x * 0.3989423f * density;
}

#endif
