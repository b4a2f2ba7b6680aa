// Making panels: codes of rows to planes, scales and zero points of rows to records.
#include "panel_rows.h"

/// Packs the codes of a run, rows `stride` bytes apart.
PANEL_ROWS void pack_run(const uint8_t *codes, int64_t stride, int32_t bits, uint8_t *run) {
    ints16 steps[8];
    for (int half = 0; half < 2; half++) {
        for (int row = 0; row < 16; row++) {
            uint8_t *to = (uint8_t *)&steps[4 * half + row % 4] + row / 4 * 16;
            memcpy(to, codes + row * stride + 16 * half, 16);
        }
        panel_transpose(steps + 4 * half);
    }
    int rest = bits;
    for (int width = 8; width > 0; width /= 2) {
        if (!(bits & width)) continue;
        rest -= width;
        uint8_t mask = (uint8_t)((1u << width) - 1);
        for (int vector = 0; vector < width; vector++, run += 64) {
            words32 plane = {0};
            for (int step = vector, shift = 0; step < 8; step += width, shift += width) {
                bytes64 field = (bytes64)((words32)steps[step] >> (uint16_t)rest) & mask;
                plane |= (words32)field << (uint16_t)shift;
            }
            *(words32 *)run = plane;
        }
    }
}

PANEL_ROWS void pack(const struct halftone_panels *m, const uint8_t *codes, uint8_t *panel) {
    int64_t stride = 32 * m->runs;
    for (int64_t run = 0; run < m->runs; run++) {
        uint8_t *to = panel + panel_run_place(m, run);
        // Constants, so that planes are known where they are taken apart.
        switch (m->bits) {
        case 1: pack_run(codes + 32 * run, stride, 1, to); break;
        case 2: pack_run(codes + 32 * run, stride, 2, to); break;
        case 3: pack_run(codes + 32 * run, stride, 3, to); break;
        case 4: pack_run(codes + 32 * run, stride, 4, to); break;
        case 5: pack_run(codes + 32 * run, stride, 5, to); break;
        case 6: pack_run(codes + 32 * run, stride, 6, to); break;
        case 7: pack_run(codes + 32 * run, stride, 7, to); break;
        default: pack_run(codes + 32 * run, stride, 8, to); break;
        }
    }
}

PANEL_ROWS_FORMS(pack, (const struct halftone_panels *m, const uint8_t *codes, uint8_t *panel),
                 (m, codes, panel))

void halftone_panel_pack(uint32_t features, const struct halftone_panels *m, const uint8_t *codes,
                         uint8_t *panel) {
    PANEL_ROWS_CHOOSE(features, pack)(m, codes, panel);
}

void halftone_panel_put_scale(const struct halftone_panels *m, uint8_t *panel, int64_t group,
                              int64_t row, uint32_t bits) {
    int64_t size = panel_value_bytes(m->scales) / 16;
    memcpy(panel + panel_scale_place(m, group) + size * row, &bits, (size_t)size);
}

/// The bits of a number that binary16 holds.
static uint32_t half_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
    if (magnitude >= 0x7F800000) return sign | 0x7C00 | (magnitude >> 13 & 0x3FF);
    if (magnitude >= 113u << 23) return sign | ((magnitude - (112u << 23)) >> 13);
    float size = value < 0 ? -value : value;
    return sign | (uint32_t)(size * 0x1p24f);
}

/// The bits of the nearest number, up to a largest, of a float of 8 bits: `digits` of its fraction,
/// and an exponent with a bias.
static uint32_t byte_bits(float magnitude, int digits, int bias, uint32_t largest) {
    uint32_t bits;
    memcpy(&bits, &magnitude, 4);
    if (bits < (uint32_t)(128 - bias) << 23) {
        return (uint32_t)(magnitude * (float)(1 << (bias - 1 + digits)) + 0.5f);
    }
    const int dropped = 23 - digits;
    bits = (bits + (1u << (dropped - 1)) - ((uint32_t)(127 - bias) << 23)) >> dropped;
    return bits < largest ? bits : largest;
}

static uint32_t stored_bits(const struct halftone_panels *m, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    switch (m->scales) {
    case HALFTONE_PANEL_E4M3:
        value /= m->scale_unit;
        return byte_bits(value < 0 ? -value : value, 3, 7, 0x7E) | (value < 0 ? 0x80 : 0);
    case HALFTONE_PANEL_UE3M5: return byte_bits(value / m->scale_unit, 5, 3, 0xFF);
    case HALFTONE_PANEL_FLOAT16: return half_bits(value);
    case HALFTONE_PANEL_BFLOAT16: return bits >> 16;
    default: return bits;
    }
}

void halftone_panel_put_row(const struct halftone_panels *m, uint8_t *panel, int64_t row,
                            const float *scales, const float *zeros, int64_t groups,
                            int64_t group_size, int64_t own_size) {
    int64_t size = panel_value_bytes(m->scales) / 16;
    for (int64_t group = 0; group < groups; group++) {
        int64_t own = group_size == own_size ? group : group * group_size / own_size;
        uint32_t bits = stored_bits(m, scales[own]);
        memcpy(panel + panel_scale_place(m, group) + size * row, &bits, (size_t)size);
        if (!zeros || m->offsets == HALFTONE_PANEL_FACTOR) continue;
        uint8_t *at = panel + panel_offset_place(m, group);
        const int32_t zero_bits = panel_zero_bits(m->offsets);
        if (zero_bits) {
            const int place = panel_zero_place(zero_bits, row);
            uint8_t *to = at + row % (2 * zero_bits);
            *to = (uint8_t)((*to & ~(((1 << zero_bits) - 1) << place)) |
                            (uint8_t)zeros[own] << place);
        } else {
            float offset = -scales[own] * zeros[own];
            memcpy(at + 4 * row, &offset, 4);
        }
    }
}

/// Copies a row's part of the values of a group.
static void copy_values(int32_t kind, const uint8_t *from, int64_t row, uint8_t *to, int64_t lane) {
    const int32_t zero_bits = panel_zero_bits(kind);
    if (zero_bits) {
        to[lane % (2 * zero_bits)] |= (uint8_t)(panel_zero(zero_bits, from, row)
                                                << panel_zero_place(zero_bits, lane));
        return;
    }
    int64_t size = panel_value_bytes(kind) / 16;
    memcpy(to + size * lane, from + size * row, (size_t)size);
}

void halftone_panel_copy_row(const struct halftone_panels *m, int64_t row, uint8_t *panel,
                             int64_t lane) {
    const uint8_t *from = m->bytes + row / 16 * m->panel_bytes;
    row %= 16;
    int64_t record_runs = m->record_runs == 0 ? 1 : m->record_runs;
    int64_t record_groups = m->record_runs == 0 ? 2 : 1;
    for (int64_t run = 0; run < m->runs; run++) {
        if (run % record_runs == 0) {
            int64_t first = run / record_runs * record_groups;
            for (int64_t group = first; group < first + record_groups; group++) {
                int64_t scale = panel_scale_place(m, group), offset = panel_offset_place(m, group);
                copy_values(m->scales, from + scale, row, panel + scale, lane);
                copy_values(m->offsets, from + offset, row, panel + offset, lane);
            }
            if (m->header_records) {
                for (int64_t i = 0; i < panel_header_bytes(m) / 32; i++) {
                    int64_t place = panel_header_place(m, first) + 32 * i;
                    memcpy(panel + place + 2 * lane, from + place + 2 * row, 2);
                }
            }
        }
        int64_t codes = panel_run_place(m, run);
        for (int i = 0; i < m->bits; i++) {
            int64_t place = codes + 64 * i;
            memcpy(panel + place + 4 * lane, from + place + 4 * row, 4);
        }
    }
}

int32_t halftone_panel_scale_storage(const float *scales, int64_t count) {
    uint32_t lost = 0;
    int halves = 1;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &scales[i], 4);
        lost |= bits & 0xFFFF;
        halves &= panel_half((uint16_t)half_bits(scales[i])) == scales[i];
    }
    if (halves) return HALFTONE_PANEL_FLOAT16;
    return lost ? HALFTONE_PANEL_FLOAT32 : HALFTONE_PANEL_BFLOAT16;
}

void halftone_panel_unpack_row(int32_t bits, const uint8_t *packed, int64_t runs, uint8_t *codes) {
    if (bits == 8) {
        memcpy(codes, packed, (size_t)(32 * runs));
        return;
    }
    for (int64_t run = 0; run < runs; run++, codes += 32) {
        // Four times eight codes, a byte each.
        uint64_t to[4] = {0}, plane[2];
        if (bits & 4) {
            const uint64_t mask = 0x0F0F0F0F0F0F0F0F;
            memcpy(plane, packed, 16);
            to[0] = plane[0] & mask;
            to[1] = plane[1] & mask;
            to[2] = plane[0] >> 4 & mask;
            to[3] = plane[1] >> 4 & mask;
            packed += 16;
        }
        if (bits & 2) {
            memcpy(plane, packed, 8);
            const uint64_t mask = 0x0303030303030303;
            for (int i = 0; i < 4; i++) to[i] = to[i] << 2 | (plane[0] >> 2 * i & mask);
            packed += 8;
        }
        if (bits & 1) {
            for (int i = 0; i < 4; i++) to[i] = to[i] << 1 | panel_spread(packed[i]);
            packed += 4;
        }
        memcpy(codes, to, 32);
    }
}
