// Panels by what every processor has: the reference of the other forms.
#include "panel_types.h"

#define PANEL_TARGET

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

#define PANEL_NAME halftone_panel_product_plain
#define PANEL_MOST 4
#define PANEL_DOT(a, c, x) panel_dot(a, c, x)
#define PANEL_HALVES(at) panel_halves16(at)
#define PANEL_LOOKUP(t, c) panel_lookup(t, c)
#include "panel_product.h"
