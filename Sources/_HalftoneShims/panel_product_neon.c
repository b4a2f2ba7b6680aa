// Panels by the NEON that every arm64 processor has.
//
// Pairs of products are summed in 16 bits: 2 · 128 · 127 < 2^15.
#include "HalftoneShims.h"

#if defined(__aarch64__)
#include <arm_neon.h>

__attribute__((always_inline)) static inline int32x4_t panel_dot16(int32x4_t sum, int8x16_t codes,
                                                                   int8x16_t x) {
    int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
    return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(codes, x)));
}

#define PANEL_TARGET
#define PANEL_NAME halftone_panel_product_neon
#define PANEL_DOT16(sum, c, x) panel_dot16(sum, c, x)
#include "panel_neon.h"
#endif
