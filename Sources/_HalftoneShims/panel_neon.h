// What panels by NEON have in common. Included once per instruction set, with
//   PANEL_TARGET             the attribute of its functions,
//   PANEL_NAME               the name of the product,
//   PANEL_DOT16(sum, c, x)   sum plus four products per lane of the signed bytes c and x.
#include "panel_types.h"
#include <arm_neon.h>

union panel_parts {
    bytes64 bytes;
    ints16 ints;
    floats16 floats;
    int32x4_t ints4[4];
    int8x16_t sbytes[4];
    uint8x16_t ubytes[4];
    float32x4_t floats4[4];
};

/// The dots of a step. Whole steps are loaded at once: four share a register.
PANEL_TARGET __attribute__((always_inline)) static inline ints16
panel_dot(ints16 sum, bytes64 codes, const int8_t *x, const int step) {
    int32x4_t steps = vreinterpretq_s32_s8(vld1q_s8(x + 16 * (step / 4)));
    int8x16_t four = vreinterpretq_s8_s32(vdupq_n_s32(steps[step % 4]));
    union panel_parts s = {.ints = sum}, c = {.bytes = codes};
    for (int i = 0; i < 4; i++) s.ints4[i] = PANEL_DOT16(s.ints4[i], c.sbytes[i], four);
    return s.ints;
}

PANEL_TARGET __attribute__((always_inline)) static inline floats16
panel_halves16(const uint8_t *at) {
    union panel_parts f;
    for (int i = 0; i < 4; i++) {
        uint16x4_t bits = vreinterpret_u16_u8(vld1_u8(at + 8 * i));
        f.floats4[i] = vcvt_f32_f16(vreinterpret_f16_u16(bits));
    }
    return f.floats;
}

PANEL_TARGET __attribute__((always_inline)) static inline bytes64
panel_lookup(bytes64 table, bytes64 codes) {
    union panel_parts t = {.bytes = table}, c = {.bytes = codes};
    for (int i = 0; i < 4; i++) c.ubytes[i] = vqtbl1q_u8(t.ubytes[0], c.ubytes[i]);
    return c.bytes;
}

#define PANEL_MOST 4
#define PANEL_TOGETHER 4
#define PANEL_SIGNED 1
#define PANEL_DOT_STEP(a, c, x, i) panel_dot(a, c, x, i)
#define PANEL_HALVES(at) panel_halves16(at)
#define PANEL_LOOKUP(t, c) panel_lookup(t, c)
#include "panel_product.h"
