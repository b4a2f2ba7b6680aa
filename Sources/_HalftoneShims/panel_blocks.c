// GGUF blocks as panels: the codes, scales and offsets of the formats whose elements are
// scale · code + offset or scale · table[code].
#include "panel_types.h"

/// Where a block of a row goes.
struct block_row {
    uint8_t *header;      ///< Outer scales before the block's first record.
    uint8_t *record;      ///< The block's first record.
    int64_t record_bytes; ///< To the next.
    int64_t scale_bytes, offset_bytes;
    int64_t row;
    int64_t halves;       ///< Whether a record has two groups.
};

/// Writes the byte or binary16 of a group of the block.
static inline void put_scale8(const struct block_row *to, int group, uint8_t scale) {
    int64_t at = to->halves ? group / 2 * to->record_bytes + group % 2 * to->scale_bytes
                            : group * to->record_bytes;
    to->record[at + to->row] = scale;
}

static inline void put_offset8(const struct block_row *to, int group, uint8_t offset) {
    int64_t at = to->halves ? group / 2 * to->record_bytes + 2 * to->scale_bytes +
                                  group % 2 * to->offset_bytes
                            : group * to->record_bytes + to->scale_bytes;
    to->record[at + to->row] = offset;
}

static inline void put_scale16(const struct block_row *to, uint16_t bits) {
    memcpy(to->record + 2 * to->row, &bits, 2);
}

static inline void put_offset16(const struct block_row *to, uint16_t bits) {
    memcpy(to->record + to->scale_bytes + 2 * to->row, &bits, 2);
}

/// Writes the outer scale of the groups of the block.
static inline void put_outer_scale(const struct block_row *to, uint16_t bits) {
    memcpy(to->header + 2 * to->row, &bits, 2);
}

static inline void put_outer_offset(const struct block_row *to, uint16_t bits) {
    memcpy(to->header + 32 + 2 * to->row, &bits, 2);
}

static uint16_t load16(const uint8_t *at) {
    uint16_t bits;
    memcpy(&bits, at, 2);
    return bits;
}

/// The bits of a number's negation.
static uint16_t negated16(const uint8_t *at) { return load16(at) ^ 0x8000; }

static inline bytes16 load(const uint8_t *from) { return *(const bytes16 *)from; }

static inline void store(uint8_t *to, bytes16 codes) { *(bytes16 *)to = codes; }

/// Sixteen bytes of nibbles as codes, the low halves `distance` before the high ones.
static inline void nibbles(const uint8_t *from, uint8_t *codes, int distance) {
    bytes16 both = load(from);
    store(codes, both & 15);
    store(codes + distance, both >> 4);
}

/// Adds bit `e` of a word as the fifth bit of code `e`.
static inline void fifth_bits(const uint8_t *from, uint8_t *codes) {
    for (int i = 0; i < 4; i++) {
        uint64_t eight;
        memcpy(&eight, codes + 8 * i, 8);
        eight |= panel_spread(from[i]) << 4;
        memcpy(codes + 8 * i, &eight, 8);
    }
}

/// Adds the bits of 32 bytes, bit `k` belonging to code 32 · k + byte, as bit `place` of 256 codes.
static inline void high_bits(const uint8_t *from, uint8_t *codes, int place) {
    for (int part = 0; part < 2; part++) {
        bytes16 bits = load(from + 16 * part);
        for (int k = 0; k < 8; k++) {
            uint8_t *to = codes + 32 * k + 16 * part;
            store(to, load(to) | ((bits >> (uint8_t)k & 1) << (uint8_t)place));
        }
    }
}

/// 64 bytes of two-bit fields, four 32 elements apart to a byte, as 256 codes.
static inline void two_bits(const uint8_t *from, uint8_t *codes) {
    for (int part = 0; part < 4; part++) {
        bytes16 four = load(from + 16 * part);
        uint8_t *to = codes + part / 2 * 128 + part % 2 * 16;
        for (int k = 0; k < 4; k++) store(to + 32 * k, four >> (uint8_t)(2 * k) & 3);
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

static void q2_K(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    two_bits(b + 16, codes);
    for (int s = 0; s < 16; s++) {
        put_scale8(to, s, b[s] & 15);
        put_offset8(to, s, b[s] >> 4);
    }
    put_outer_scale(to, load16(b + 80));
    put_outer_offset(to, negated16(b + 82));
}

static void q3_K(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    two_bits(b + 32, codes);
    high_bits(b, codes, 2);
    for (int s = 0; s < 16; s++) {
        int low = s < 8 ? b[96 + s] & 15 : b[96 + s - 8] >> 4;
        int high = b[104 + s % 4] >> s / 4 * 2 & 3;
        put_scale8(to, s, (uint8_t)((low | high << 4) - 32));
    }
    put_outer_scale(to, load16(b + 108));
}

static void q4_K_scales(const uint8_t *b, const struct block_row *to) {
    for (int j = 0; j < 8; j++) {
        uint8_t scale, min;
        scale_and_min(b + 4, j, &scale, &min);
        put_scale8(to, j, scale);
        put_offset8(to, j, min);
    }
    put_outer_scale(to, load16(b));
    put_outer_offset(to, negated16(b + 2));
}

/// 128 bytes of nibbles, the halves of each 32 bytes 32 elements apart.
static void k_nibbles(const uint8_t *from, uint8_t *codes) {
    for (int part = 0; part < 8; part++) {
        nibbles(from + 16 * part, codes + part / 2 * 64 + part % 2 * 16, 32);
    }
}

static void q5_K(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    q4_K_scales(b, to);
    k_nibbles(b + 48, codes);
    high_bits(b + 16, codes, 4);
}

static void q6_K(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    for (int half = 0; half < 2; half++) {
        for (int part = 0; part < 2; part++) {
            bytes16 high = load(b + 128 + 32 * half + 16 * part);
            for (int g = 0; g < 4; g++) {
                bytes16 low = load(b + 64 * half + g % 2 * 32 + 16 * part);
                bytes16 code = low >> (uint8_t)(g / 2 * 4) & 15;
                code |= (high >> (uint8_t)(2 * g) & 3) << 4;
                store(codes + 128 * half + 32 * g + 16 * part, code);
            }
        }
    }
    for (int s = 0; s < 16; s++) put_scale8(to, s, b[192 + s]);
    put_outer_scale(to, load16(b + 208));
}

static void iq4_XS(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    uint16_t high = load16(b + 2);
    for (int j = 0; j < 8; j++) {
        int scale = (b[4 + j / 2] >> j % 2 * 4 & 15) | (high >> 2 * j & 3) << 4;
        put_scale8(to, j, (uint8_t)(scale - 32));
        nibbles(b + 8 + 16 * j, codes + 32 * j, 16);
    }
    put_outer_scale(to, load16(b));
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

static void tq1_0(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    trits(b, 32, 5, codes);
    trits(b + 32, 16, 5, codes + 160);
    trits(b + 48, 4, 4, codes + 240);
    put_scale16(to, load16(b + 52));
}

static void tq2_0(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    two_bits(b, codes);
    put_scale16(to, load16(b + 64));
}

/// 64 nibbles in four groups, the low halves of each before the high ones, with scales of a byte.
static void nvfp4(const uint8_t *b, const struct block_row *to, uint8_t *codes) {
    for (int s = 0; s < 4; s++) {
        uint64_t both, half[2];
        memcpy(&both, b + 4 + 8 * s, 8);
        half[0] = both & 0x0F0F0F0F0F0F0F0F;
        half[1] = both >> 4 & 0x0F0F0F0F0F0F0F0F;
        memcpy(codes + 16 * s, half, 16);
        // The sign is ignored, and 0x7F stands for 0.
        put_scale8(to, s, b[s] == 0x7F ? 0 : b[s] & 0x7F);
    }
}

/// Writes a block of a row; 0 for a type without panels.
static inline int block(int32_t type, const uint8_t *b, const struct block_row *to,
                        uint8_t *codes) {
    switch (type) {
    case 2: // Q4_0
    case 20: // IQ4_NL
        nibbles(b + 2, codes, 16);
        put_scale16(to, load16(b));
        return 1;
    case 3: // Q4_1
        nibbles(b + 4, codes, 16);
        put_scale16(to, load16(b));
        put_offset16(to, load16(b + 2));
        return 1;
    case 6: // Q5_0
        nibbles(b + 6, codes, 16);
        fifth_bits(b + 2, codes);
        put_scale16(to, load16(b));
        return 1;
    case 7: // Q5_1
        nibbles(b + 8, codes, 16);
        fifth_bits(b + 4, codes);
        put_scale16(to, load16(b));
        put_offset16(to, load16(b + 2));
        return 1;
    case 8: // Q8_0
        store(codes, load(b + 2) ^ 128);
        store(codes + 16, load(b + 18) ^ 128);
        put_scale16(to, load16(b));
        return 1;
    case 10: q2_K(b, to, codes); return 1;
    case 11: q3_K(b, to, codes); return 1;
    case 12:
        q4_K_scales(b, to);
        k_nibbles(b + 16, codes);
        return 1;
    case 13: q5_K(b, to, codes); return 1;
    case 14: q6_K(b, to, codes); return 1;
    case 23: iq4_XS(b, to, codes); return 1;
    case 34: tq1_0(b, to, codes); return 1;
    case 35: tq2_0(b, to, codes); return 1;
    case 39: // MXFP4
        nibbles(b + 1, codes, 16);
        put_scale8(to, 0, b[0]);
        return 1;
    case 40: nvfp4(b, to, codes); return 1;
    default: return 0;
    }
}

int32_t halftone_panel_fill_blocks(int32_t type, int64_t block_size, int64_t block_bytes,
                                   const uint8_t *from, int64_t blocks, int64_t row,
                                   const struct halftone_panels *m, uint8_t *panel,
                                   uint8_t *codes) {
    int64_t groups = m->record_runs == 0 ? block_size / 16 : block_size / 32 / m->record_runs;
    struct block_row to = {.scale_bytes = panel_value_bytes(m->scales),
                           .offset_bytes = panel_value_bytes(m->offsets),
                           .record_bytes = panel_record_bytes(m),
                           .row = row,
                           .halves = m->record_runs == 0};
    codes += 32 * row * m->runs;
    for (int64_t i = 0; i < blocks; i++, from += block_bytes, codes += block_size) {
        to.record = panel + panel_scale_place(m, groups * i);
        to.header = to.record - panel_header_bytes(m);
        if (!block(type, from, &to, codes)) return 0;
    }
    return 1;
}
