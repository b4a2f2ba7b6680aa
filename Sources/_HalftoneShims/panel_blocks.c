// GGUF blocks as panels: the codes, scales and offsets of the formats whose elements are
// scale · code + offset or scale · table[code].
#include "panel_types.h"

/// Where a row of blocks goes.
struct block_row {
    const struct halftone_panels *m;
    uint8_t *panel;
    int row;
};

static void put_scale(const struct block_row *to, int64_t group, uint32_t bits) {
    halftone_panel_put_scale(to->m, to->panel, group, to->row, bits);
}

static void put_offset(const struct block_row *to, int64_t group, uint32_t bits) {
    halftone_panel_put_offset(to->m, to->panel, group, to->row, bits);
}

/// Writes the outer scale of a group and those that share it.
static void put_outer_scale(const struct block_row *to, int64_t group, uint16_t bits) {
    memcpy(to->panel + panel_header_place(to->m, group) + 2 * to->row, &bits, 2);
}

static void put_outer_offset(const struct block_row *to, int64_t group, uint16_t bits) {
    memcpy(to->panel + panel_header_place(to->m, group) + 32 + 2 * to->row, &bits, 2);
}

static uint16_t load16(const uint8_t *at) {
    uint16_t bits;
    memcpy(&bits, at, 2);
    return bits;
}

/// The bits of a number's negation.
static uint16_t negated16(const uint8_t *at) { return load16(at) ^ 0x8000; }

/// Sixteen bytes of nibbles as 32 codes, the low halves first.
static void nibbles(const uint8_t *from, uint8_t *codes) {
    for (int j = 0; j < 16; j++) {
        codes[j] = from[j] & 15;
        codes[j + 16] = from[j] >> 4;
    }
}

/// Adds bit `e` of a word as the fifth bit of code `e`.
static void fifth_bits(const uint8_t *from, uint8_t *codes) {
    uint32_t bits;
    memcpy(&bits, from, 4);
    for (int e = 0; e < 32; e++) codes[e] |= (uint8_t)((bits >> e & 1) << 4);
}

/// 64 bytes of two-bit fields, four 32 elements apart to a byte, as 256 codes.
static void two_bits(const uint8_t *from, uint8_t *codes) {
    for (int half = 0; half < 2; half++) {
        for (int shift = 0; shift < 4; shift++) {
            for (int l = 0; l < 32; l++) {
                codes[128 * half + 32 * shift + l] = from[32 * half + l] >> 2 * shift & 3;
            }
        }
    }
}

/// The six-bit scale and min of sub-block `j`.
static void scale_and_min(const uint8_t *b, int j, uint8_t *scale, uint8_t *min) {
    if (j < 4) {
        *scale = b[j] & 63;
        *min = b[j + 4] & 63;
    } else {
        *scale = (uint8_t)((b[j + 4] & 15) | b[j - 4] >> 6 << 4);
        *min = (uint8_t)(b[j + 4] >> 4 | b[j] >> 6 << 4);
    }
}

static void q2_K(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    two_bits(b + 16, codes);
    for (int s = 0; s < 16; s++) {
        put_scale(to, 16 * i + s, b[s] & 15);
        put_offset(to, 16 * i + s, b[s] >> 4);
    }
    put_outer_scale(to, 16 * i, load16(b + 80));
    put_outer_offset(to, 16 * i, negated16(b + 82));
}

static void q3_K(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    two_bits(b + 32, codes);
    for (int e = 0; e < 256; e++) codes[e] |= (uint8_t)((b[e % 32] >> e / 32 & 1) << 2);
    for (int s = 0; s < 16; s++) {
        int low = s < 8 ? b[96 + s] & 15 : b[96 + s - 8] >> 4;
        int high = b[104 + s % 4] >> s / 4 * 2 & 3;
        put_scale(to, 16 * i + s, (uint8_t)((low | high << 4) - 32));
    }
    put_outer_scale(to, 16 * i, load16(b + 108));
}

static void q4_K_scales(const uint8_t *b, int64_t i, const struct block_row *to) {
    for (int j = 0; j < 8; j++) {
        uint8_t scale, min;
        scale_and_min(b + 4, j, &scale, &min);
        put_scale(to, 8 * i + j, scale);
        put_offset(to, 8 * i + j, min);
    }
    put_outer_scale(to, 8 * i, load16(b));
    put_outer_offset(to, 8 * i, negated16(b + 2));
}

/// 128 bytes of nibbles, the halves of each 32 bytes 32 elements apart.
static void k_nibbles(const uint8_t *from, uint8_t *codes) {
    for (int e = 0; e < 256; e++) codes[e] = from[e / 64 * 32 + e % 32] >> e / 32 % 2 * 4 & 15;
}

static void q5_K(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    q4_K_scales(b, i, to);
    k_nibbles(b + 48, codes);
    for (int e = 0; e < 256; e++) codes[e] |= (uint8_t)((b[16 + e % 32] >> e / 32 & 1) << 4);
}

static void q6_K(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    for (int e = 0; e < 256; e++) {
        int half = e / 128, g = e / 32 % 4, l = e % 32;
        int low = b[64 * half + g % 2 * 32 + l] >> g / 2 * 4 & 15;
        int high = b[128 + 32 * half + l] >> 2 * g & 3;
        codes[e] = (uint8_t)(low | high << 4);
    }
    for (int s = 0; s < 16; s++) put_scale(to, 16 * i + s, b[192 + s]);
    put_outer_scale(to, 16 * i, load16(b + 208));
}

static void iq4_XS(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    uint16_t high = load16(b + 2);
    for (int j = 0; j < 8; j++) {
        int scale = (b[4 + j / 2] >> j % 2 * 4 & 15) | (high >> 2 * j & 3) << 4;
        put_scale(to, 8 * i + j, (uint8_t)(scale - 32));
        nibbles(b + 8 + 16 * j, codes + 32 * j);
    }
    put_outer_scale(to, 8 * i, load16(b));
}

static void trits(const uint8_t *b, int width, int count, uint8_t *codes) {
    uint8_t power = 1;
    for (int n = 0; n < count; n++) {
        for (int m = 0; m < width; m++) {
            uint8_t rest = (uint8_t)(b[m] * power);
            codes[n * width + m] = (uint8_t)(rest * 3 >> 8);
        }
        power = (uint8_t)(power * 3);
    }
}

static void tq1_0(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    trits(b, 32, 5, codes);
    trits(b + 32, 16, 5, codes + 160);
    trits(b + 48, 4, 4, codes + 240);
    put_scale(to, i, load16(b + 52));
}

static void tq2_0(const uint8_t *b, int64_t i, const struct block_row *to, uint8_t *codes) {
    two_bits(b, codes);
    put_scale(to, i, load16(b + 64));
}

/// Writes block `i` of a row; 0 for a type without panels.
static int block(int32_t type, const uint8_t *b, int64_t i, const struct block_row *to,
                 uint8_t *codes) {
    switch (type) {
    case 2: // Q4_0
        nibbles(b + 2, codes);
        put_scale(to, i, load16(b));
        return 1;
    case 3: // Q4_1
        nibbles(b + 4, codes);
        put_scale(to, i, load16(b));
        put_offset(to, i, load16(b + 2));
        return 1;
    case 6: // Q5_0
        nibbles(b + 6, codes);
        fifth_bits(b + 2, codes);
        put_scale(to, i, load16(b));
        return 1;
    case 7: // Q5_1
        nibbles(b + 8, codes);
        fifth_bits(b + 4, codes);
        put_scale(to, i, load16(b));
        put_offset(to, i, load16(b + 2));
        return 1;
    case 8: // Q8_0
        for (int j = 0; j < 32; j++) codes[j] = b[2 + j] ^ 128;
        put_scale(to, i, load16(b));
        return 1;
    case 10: q2_K(b, i, to, codes); return 1;
    case 11: q3_K(b, i, to, codes); return 1;
    case 12:
        q4_K_scales(b, i, to);
        k_nibbles(b + 16, codes);
        return 1;
    case 13: q5_K(b, i, to, codes); return 1;
    case 14: q6_K(b, i, to, codes); return 1;
    case 20: // IQ4_NL
        nibbles(b + 2, codes);
        put_scale(to, i, load16(b));
        return 1;
    case 23: iq4_XS(b, i, to, codes); return 1;
    case 34: tq1_0(b, i, to, codes); return 1;
    case 35: tq2_0(b, i, to, codes); return 1;
    case 39: // MXFP4
        nibbles(b + 1, codes);
        put_scale(to, i, b[0]);
        return 1;
    case 40: // NVFP4
        for (int s = 0; s < 4; s++) {
            for (int j = 0; j < 8; j++) {
                codes[16 * s + j] = b[4 + 8 * s + j] & 15;
                codes[16 * s + j + 8] = b[4 + 8 * s + j] >> 4;
            }
            // The sign is ignored, and 0x7F stands for 0.
            put_scale(to, 4 * i + s, b[s] == 0x7F ? 0 : b[s] & 0x7F);
        }
        return 1;
    default: return 0;
    }
}

int32_t halftone_panel_fill_blocks(int32_t type, int64_t block_size, int64_t block_bytes,
                                   const uint8_t *rows, int64_t blocks, int64_t count,
                                   const struct halftone_panels *m, uint8_t *panel,
                                   uint8_t *codes) {
    for (int64_t row = 0; row < count; row++) {
        struct block_row to = {m, panel, (int)row};
        for (int64_t i = 0; i < blocks; i++) {
            const uint8_t *from = rows + (row * blocks + i) * block_bytes;
            uint8_t *target = codes + 32 * row * m->runs + i * block_size;
            if (!block(type, from, i, &to, target)) return 0;
        }
    }
    return 1;
}
