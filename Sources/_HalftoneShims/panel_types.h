// Vectors of 64 bytes, which the compiler makes of whatever registers there are.
#ifndef HALFTONE_PANEL_TYPES_H
#define HALFTONE_PANEL_TYPES_H

#include "HalftoneShims.h"
#include <string.h>

// Every function with such arguments is inlined, so that how they would be passed is moot.
#pragma clang diagnostic ignored "-Wpsabi"

#define PANEL_VECTOR(type, size) type __attribute__((vector_size(size), aligned(1), may_alias))

typedef PANEL_VECTOR(uint8_t, 64) bytes64;
typedef PANEL_VECTOR(uint16_t, 64) words32;
typedef PANEL_VECTOR(int32_t, 64) ints16;
typedef PANEL_VECTOR(uint32_t, 64) uints16;
typedef PANEL_VECTOR(float, 64) floats16;
typedef PANEL_VECTOR(uint16_t, 32) words16;
typedef PANEL_VECTOR(uint8_t, 16) bytes16;
typedef PANEL_VECTOR(int8_t, 16) sbytes16;

/// How far ahead codes are fetched: the memory's own reading ahead stops at each page.
#define PANEL_AHEAD 4096

/// Runs of vectors that meet one panel after another: half of a usual second-level cache.
#define PANEL_VECTOR_PLACES ((256 << 10) / 32)

/// Some vectors of a tile as a product meets them, neighbours in each run.
struct panel_part {
    const int8_t *values;  ///< [run][lanes][32].
    const float *scales;   ///< [run][lanes].
    const int32_t *starts; ///< [run][group][lanes], what sums of products begin with: −zero · sum.
    const float *weights;  ///< [run][group][lanes], sum · scale, which offsets are multiplied by.
    int64_t lanes;
    int32_t fetches; ///< Whether codes are fetched ahead.
};

/// Bits of a zero point; 0 where offsets are no zero points.
static inline int32_t panel_zero_bits(int32_t kind) {
    switch (kind) {
    case HALFTONE_PANEL_ZEROS8: return 8;
    case HALFTONE_PANEL_ZEROS4: return 4;
    case HALFTONE_PANEL_ZEROS2: return 2;
    default: return 0;
    }
}

/// Bytes of a group's scales or offsets.
static inline int64_t panel_value_bytes(int32_t kind) {
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16:
    case HALFTONE_PANEL_BFLOAT16: return 32;
    case HALFTONE_PANEL_FLOAT32: return 64;
    case HALFTONE_PANEL_UINT8:
    case HALFTONE_PANEL_INT8:
    case HALFTONE_PANEL_E8M0:
    case HALFTONE_PANEL_E4M3:
    case HALFTONE_PANEL_UE3M5: return 16;
    default: return 2 * panel_zero_bits(kind);
    }
}

/// Whether offsets are zero points.
static inline int panel_has_zeros(const struct halftone_panels *m) {
    return panel_zero_bits(m->offsets) != 0;
}

/// What a code stands for in units.
static inline int32_t panel_level(const struct halftone_panels *m, int code) {
    int size = m->bits <= 6 ? 64 : 1 << m->bits;
    int32_t level = 0;
    for (int d = m->digits; d-- > 0;) level = 256 * level + m->table[d * size + code] - 128;
    return level;
}

/// Bytes of a header.
static inline int64_t panel_header_bytes(const struct halftone_panels *m) {
    return m->header_records == 0 ? 0 : m->offsets == HALFTONE_PANEL_UINT8 ? 64 : 32;
}

/// Bytes of a record.
static inline int64_t panel_record_bytes(const struct halftone_panels *m) {
    int64_t groups = m->record_runs == 0 ? 2 : 1;
    int64_t values = groups * (panel_value_bytes(m->scales) + panel_value_bytes(m->offsets));
    return values + (m->record_runs == 0 ? 1 : m->record_runs) * 64 * m->bits;
}

/// Where a record is in its panel.
static inline int64_t panel_record(const struct halftone_panels *m, int64_t record) {
    int64_t headers = m->header_records == 0 ? 0 : record / m->header_records + 1;
    return headers * panel_header_bytes(m) + record * panel_record_bytes(m);
}

/// Where a group's scales are in its panel.
static inline int64_t panel_scale_place(const struct halftone_panels *m, int64_t group) {
    if (m->record_runs != 0) return panel_record(m, group);
    return panel_record(m, group / 2) + group % 2 * panel_value_bytes(m->scales);
}

/// Where a group's offsets are in its panel.
static inline int64_t panel_offset_place(const struct halftone_panels *m, int64_t group) {
    int64_t scales = panel_value_bytes(m->scales), offsets = panel_value_bytes(m->offsets);
    if (m->record_runs != 0) return panel_record(m, group) + scales;
    return panel_record(m, group / 2) + 2 * scales + group % 2 * offsets;
}

/// Where the header of a group is.
static inline int64_t panel_header_place(const struct halftone_panels *m, int64_t group) {
    int64_t record = m->record_runs == 0 ? group / 2 : group;
    return panel_record(m, record / m->header_records * m->header_records) -
           panel_header_bytes(m);
}

/// Where the codes of a run are.
static inline int64_t panel_run_place(const struct halftone_panels *m, int64_t run) {
    int64_t groups = m->record_runs == 0 ? 2 : 1;
    int64_t values = groups * (panel_value_bytes(m->scales) + panel_value_bytes(m->offsets));
    int64_t runs = m->record_runs == 0 ? 1 : m->record_runs;
    return panel_record(m, run / runs) + values + run % runs * 64 * m->bits;
}

/// Eight bits as eight bytes, the lowest first.
static inline uint64_t panel_spread(uint64_t bits) {
    uint64_t one = bits * 0x0101010101010101 & 0x8040201008040201;
    return (one + 0x7F7F7F7F7F7F7F7F) >> 7 & 0x0101010101010101;
}

/// Where the bits of a row's zero point are, from the lowest of byte `row % (2 * bits)` on.
static inline int panel_zero_place(int32_t bits, int64_t row) {
    return (int)(row / (2 * bits) * bits);
}

/// The zero point of a row.
static inline uint8_t panel_zero(int32_t bits, const uint8_t *at, int64_t row) {
    return (uint8_t)(at[row % (2 * bits)] >> panel_zero_place(bits, row) & ((1 << bits) - 1));
}

/// The zero points of sixteen rows as bytes.
__attribute__((always_inline)) static inline bytes16 panel_zeros(int32_t kind, const uint8_t *at) {
    bytes16 result;
    if (kind == HALFTONE_PANEL_ZEROS8) {
        memcpy(&result, at, 16);
    } else if (kind == HALFTONE_PANEL_ZEROS4) {
        uint64_t eight, both[2];
        memcpy(&eight, at, 8);
        for (int i = 0; i < 2; i++) both[i] = eight >> 4 * i & 0x0F0F0F0F0F0F0F0F;
        memcpy(&result, both, 16);
    } else {
        uint32_t four, all[4];
        memcpy(&four, at, 4);
        for (int i = 0; i < 4; i++) all[i] = four >> 2 * i & 0x03030303;
        memcpy(&result, all, 16);
    }
    return result;
}

/// A binary16 number.
static inline float panel_half(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = bits & 0x7FFF, pattern;
    if (magnitude >= 0x7C00) {
        pattern = sign | 0x7F800000 | (magnitude & 0x3FF) << 13;
    } else if (magnitude >= 0x400) {
        pattern = sign | ((magnitude << 13) + (112u << 23));
    } else {
        float value = (float)magnitude * 0x1p-24f;
        memcpy(&pattern, &value, 4);
        pattern |= sign;
    }
    float result;
    memcpy(&result, &pattern, 4);
    return result;
}

#endif
