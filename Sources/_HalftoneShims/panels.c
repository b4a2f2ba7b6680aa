// Panels: which form multiplies, the rounding of vectors, and the definition of a row.
#include "panel_types.h"
#include <math.h>

// Products and sums are rounded apart, so that all processors give the same.
#pragma clang fp contract(off)

typedef void panel_product(const struct halftone_panels *, int64_t, int64_t,
                           const struct halftone_panel_vectors *,
                           const struct halftone_panel_output *);
panel_product halftone_panel_product_vbmi, halftone_panel_product_vnni, halftone_panel_product_avx2,
    halftone_panel_product_dotprod, halftone_panel_product_neon, halftone_panel_product_plain;

void halftone_panel_product(uint32_t features, const struct halftone_panels *m, int64_t first,
                            int64_t last, const struct halftone_panel_vectors *x,
                            const struct halftone_panel_output *output) {
    panel_product *product = halftone_panel_product_plain;
#if defined(__x86_64__)
    if (m->digits && features & HALFTONE_CPU_AVX512_VNNI && features & HALFTONE_CPU_AVX512_VBMI) {
        product = halftone_panel_product_vbmi;
    } else if (features & HALFTONE_CPU_AVX512_VNNI) {
        product = halftone_panel_product_vnni;
    } else if (features & HALFTONE_CPU_AVX2_FMA) {
        product = halftone_panel_product_avx2;
    }
#elif defined(__aarch64__)
    if (features & HALFTONE_CPU_DOTPROD) {
        product = halftone_panel_product_dotprod;
    } else if (features & HALFTONE_CPU_NEON) {
        product = halftone_panel_product_neon;
    }
#endif
    product(m, first, last, x, output);
}

/// Rounds one run.
__attribute__((always_inline)) static inline void
panel_quantize_run(const float *x, int8_t *values, float *scale, int32_t *sums, int64_t apart) {
    floats16 half[2] = {*(const floats16 *)x, *(const floats16 *)(x + 16)};
    // Magnitudes are in the order of their bits, and integers have no NaN to look out for.
    ints16 first = (ints16)half[0] & 0x7FFFFFFF, second = (ints16)half[1] & 0x7FFFFFFF;
    int32_t bits = __builtin_reduce_max(__builtin_elementwise_max(first, second));
    float largest;
    memcpy(&largest, &bits, 4);
    float inverse = largest > 0 ? 127 / largest : 0;
    *scale = largest / 127;
    for (int i = 0; i < 2; i++) {
        // Adding 1.5 · 2^23 leaves the nearest integer, ties to even, in the low bits.
        ints16 integers = (ints16)(half[i] * inverse + 0x1.8p23f) - 0x4B400000;
        *(sbytes16 *)(values + 16 * i) = __builtin_convertvector(integers, sbytes16);
        sums[i * apart] = __builtin_reduce_add(integers);
    }
}

__attribute__((always_inline)) static inline void
panel_quantize(const float *x, int64_t columns, int64_t stride,
               const struct halftone_panel_vectors *to, int64_t first) {
    for (int64_t t = 0; t < to->count; t++) {
        const float *vector = x + t * stride;
        int64_t at = halftone_panel_place(to, to->first + t, first);
        const int64_t lane = at % to->lanes;
        for (int64_t column = 0; column < columns; column += 32, at += to->lanes) {
            const float *source = vector + column;
            float padded[32];
            if (column + 32 > columns) {
                memset(padded, 0, sizeof padded);
                memcpy(padded, source, 4 * (columns - column));
                source = padded;
            }
            panel_quantize_run(source, to->values + 32 * at, to->scales + at,
                               to->sums + 2 * at - lane, to->lanes);
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq"))) static void
panel_quantize_avx512(const float *x, int64_t columns, int64_t stride,
                      const struct halftone_panel_vectors *to, int64_t run) {
    panel_quantize(x, columns, stride, to, run);
}

__attribute__((target("avx2"))) static void
panel_quantize_avx2(const float *x, int64_t columns, int64_t stride,
                    const struct halftone_panel_vectors *to, int64_t run) {
    panel_quantize(x, columns, stride, to, run);
}
#endif

void halftone_panel_quantize(uint32_t features, const float *x, int64_t columns, int64_t stride,
                             const struct halftone_panel_vectors *to, int64_t run) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX512) return panel_quantize_avx512(x, columns, stride, to, run);
    if (features & HALFTONE_CPU_AVX2_FMA) return panel_quantize_avx2(x, columns, stride, to, run);
#endif
    (void)features;
    panel_quantize(x, columns, stride, to, run);
}

int64_t halftone_panel_bytes(const struct halftone_panels *m) {
    if (m->runs == 0) return 0;
    return (panel_run_place(m, m->runs - 1) + 64 * m->bits + 63) / 64 * 64;
}

/// A code by the table of the layout.
static uint8_t panel_code(const uint8_t *run, int32_t bits, int step, int place) {
    static const int widths[4] = {8, 4, 2, 1};
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int width = widths[i];
        if (!(bits & width)) continue;
        int field = run[64 * (step % width) + place] >> (step / width * width % 8);
        code = code << width | (field & ((1 << width) - 1));
        run += 64 * width;
    }
    return (uint8_t)code;
}

static uint16_t load16(const uint8_t *at) {
    uint16_t bits;
    memcpy(&bits, at, 2);
    return bits;
}

/// A scale, offset or zero point by the table of the layout.
static float panel_value(int32_t kind, const uint8_t *at, int row, float outer, float scale,
                         float factor) {
    uint32_t pattern;
    float value;
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16: return panel_half(load16(at + 2 * row));
    case HALFTONE_PANEL_BFLOAT16:
        pattern = (uint32_t)load16(at + 2 * row) << 16;
        memcpy(&value, &pattern, 4);
        return value;
    case HALFTONE_PANEL_FLOAT32: memcpy(&value, at + 4 * row, 4); return value;
    case HALFTONE_PANEL_UINT8: return outer * (float)at[row];
    case HALFTONE_PANEL_INT8: return outer * (float)(int8_t)at[row];
    case HALFTONE_PANEL_E8M0: return scalbnf(1, at[row] - 127);
    case HALFTONE_PANEL_E4M3:
        return 256 * factor * panel_half((uint16_t)((at[row] & 128) << 8 | (at[row] & 127) << 7));
    case HALFTONE_PANEL_UE3M5: return 4096 * factor * panel_half((uint16_t)(at[row] << 5));
    case HALFTONE_PANEL_ZEROS8:
    case HALFTONE_PANEL_ZEROS4:
    case HALFTONE_PANEL_ZEROS2: return (float)panel_zero(panel_zero_bits(kind), at, row);
    case HALFTONE_PANEL_FACTOR: return scale * factor;
    default: return 0;
    }
}

void halftone_panel_decode_row(const struct halftone_panels *m, int64_t row, int64_t columns,
                               float *output) {
    const uint8_t *panel = m->bytes + row / 16 * m->panel_bytes;
    int lane = (int)(row % 16);
    int64_t size = m->record_runs == 0 ? 16 : 32 * m->record_runs;
    for (int64_t group = 0; group * size < columns; group++) {
        float outer_scale = 0, outer_offset = 0;
        if (m->header_records) {
            const uint8_t *header = panel + panel_header_place(m, group) + 2 * lane;
            outer_scale = panel_half(load16(header));
            if (m->offsets == HALFTONE_PANEL_UINT8) outer_offset = panel_half(load16(header + 32));
        }
        float scale =
            panel_value(m->scales, panel + panel_scale_place(m, group), lane, outer_scale, 0,
                        m->scale_unit);
        float offset = panel_value(m->offsets, panel + panel_offset_place(m, group), lane,
                                   outer_offset, scale, m->factor);
        int64_t end = (group + 1) * size < columns ? (group + 1) * size : columns;
        for (int64_t c = group * size; c < end; c++) {
            const uint8_t *run = panel + panel_run_place(m, c / 32);
            int code = panel_code(run, m->bits, (int)(c % 32) / 4, 4 * lane + (int)(c % 4));
            float level = (float)(code - m->zero);
            output[c] = m->digits            ? scale * ((float)panel_level(m, code) * m->unit)
                        : panel_has_zeros(m) ? scale * (level - offset)
                        : m->offsets == HALFTONE_PANEL_NONE ? scale * level
                                                            : scale * level + offset;
        }
    }
}
