// Panels by what every processor has: the reference of the other forms.
#include "panel_types.h"

#define PANEL_TARGET

#pragma clang fp contract(off)

static inline ints16 panel_dot(ints16 sum, bytes64 codes, const int8_t *x) {
    for (int i = 0; i < 4; i++) {
        uints16 column = ((uints16)codes >> (uint32_t)(8 * i)) & 255;
        sum += (ints16)column * (int32_t)x[i];
    }
    return sum;
}

static inline floats16 panel_halves16(const uint8_t *at) {
    floats16 result;
    for (int i = 0; i < 16; i++) {
        uint16_t bits;
        memcpy(&bits, at + 2 * i, 2);
        result[i] = panel_half(bits);
    }
    return result;
}

static inline bytes64 panel_lookup(bytes64 table, bytes64 codes) {
    for (int i = 0; i < 64; i++) codes[i] = table[codes[i]];
    return codes;
}

#if !defined(__FMA__) && !defined(__ARM_FEATURE_FMA)
typedef PANEL_VECTOR(double, 128) doubles16;
typedef PANEL_VECTOR(int64_t, 128) longs16;

/// a · b + c rounded once: the product is exact in float64, and the sum is rounded to odd there,
/// which a second rounding to fewer digits does not notice (S. Boldo and G. Melquiond, "Emulation
/// of a FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008).
static inline floats16 panel_fused(floats16 a, floats16 b, floats16 c) {
    doubles16 product = __builtin_convertvector(a, doubles16);
    product *= __builtin_convertvector(b, doubles16);
    doubles16 addend = __builtin_convertvector(c, doubles16);
    doubles16 sum = product + addend;
    // What the sum lacks (D. Knuth); NaN beside infinities, which stay as they are.
    doubles16 part = sum - product;
    doubles16 error = (product - (sum - part)) + (addend - part);
    longs16 is_inexact = (error < 0) | (error > 0), is_even = ((longs16)sum & 1) - 1;
    // One step towards the exact sum where the last digit is even.
    longs16 is_inward = (longs16)(((error < 0) ^ (sum < 0)));
    sum = (doubles16)((longs16)sum + ((1 + 2 * is_inward) & is_inexact & is_even));
    return __builtin_convertvector(sum, floats16);
}
#define PANEL_FUSED(a, b, c) panel_fused(a, b, c)
#endif

#define PANEL_NAME halftone_panel_product_plain
#define PANEL_MOST 4
#define PANEL_TOGETHER 1
#define PANEL_DOT(a, c, x) panel_dot(a, c, x)
#define PANEL_HALVES(at) panel_halves16(at)
#define PANEL_LOOKUP(t, c) panel_lookup(t, c)
#include "panel_product.h"
