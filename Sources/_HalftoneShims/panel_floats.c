// Rows of panels as floats, and their products with a vector of floats.
#include "panel_rows.h"

/// Sixteen binary16 numbers.
PANEL_ROWS floats16 panel_halves(const uint8_t *at) {
    uints16 bits = __builtin_convertvector(*(const words16 *)at, uints16);
    uints16 magnitude = (bits & 0x7FFF) << 13;
    // Exponents are 112 too small; numbers below the least normal one come out right, too.
    uints16 number = (uints16)((floats16)magnitude * 0x1p112f);
    uints16 special = (uints16)(magnitude >= (0x7C00u << 13));
    number |= special & 0x7F800000;
    return (floats16)(number | (bits & 0x8000) << 16);
}

/// Scales, offsets or zero points of a group.
PANEL_ROWS floats16 panel_numbers(int32_t kind, const uint8_t *at, floats16 outer, floats16 scale,
                                  float factor) {
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16: return panel_halves(at);
    case HALFTONE_PANEL_BFLOAT16:
        return (floats16)(__builtin_convertvector(*(const words16 *)at, uints16) << 16);
    case HALFTONE_PANEL_FLOAT32: return *(const floats16 *)at;
    case HALFTONE_PANEL_UINT8:
        return __builtin_convertvector(*(const bytes16 *)at, floats16) * outer;
    case HALFTONE_PANEL_INT8:
        return __builtin_convertvector(*(const sbytes16 *)at, floats16) * outer;
    case HALFTONE_PANEL_E8M0: {
        uints16 exponent = __builtin_convertvector(*(const bytes16 *)at, uints16);
        // 2^−127 is below the normal numbers.
        return (floats16)(exponent << 23 | ((uints16)(exponent == 0) & 1u << 22));
    }
    case HALFTONE_PANEL_E4M3: {
        words16 bits = __builtin_convertvector(*(const bytes16 *)at, words16);
        bits = (bits & 128) << 8 | (bits & 127) << 7;
        return 256 * factor * panel_halves((const uint8_t *)&bits);
    }
    case HALFTONE_PANEL_UE3M5: {
        words16 bits = __builtin_convertvector(*(const bytes16 *)at, words16) << 5;
        return 4096 * factor * panel_halves((const uint8_t *)&bits);
    }
    case HALFTONE_PANEL_ZEROS8:
    case HALFTONE_PANEL_ZEROS4:
    case HALFTONE_PANEL_ZEROS2: return __builtin_convertvector(panel_zeros(kind, at), floats16);
    case HALFTONE_PANEL_FACTOR: return scale * factor;
    default: return (floats16){0};
    }
}

/// What a record says: for one group, or two.
struct panel_record_values {
    floats16 scale[2], offset[2];
};

PANEL_ROWS void panel_read_record(const struct halftone_panels *m, const uint8_t *panel,
                                  int64_t record, struct panel_record_values *values) {
    int64_t first = m->record_runs == 0 ? 2 * record : record;
    floats16 outer_scale = {0}, outer_offset = {0};
    if (m->header_records) {
        const uint8_t *header = panel + panel_header_place(m, first);
        outer_scale = panel_halves(header);
        if (m->offsets == HALFTONE_PANEL_UINT8) outer_offset = panel_halves(header + 32);
    }
    for (int i = 0; i < (m->record_runs == 0 ? 2 : 1); i++) {
        const uint8_t *scale = panel + panel_scale_place(m, first + i);
        const uint8_t *offset = panel + panel_offset_place(m, first + i);
        values->scale[i] =
            panel_numbers(m->scales, scale, outer_scale, (floats16){0}, m->scale_unit);
        values->offset[i] =
            panel_numbers(m->offsets, offset, outer_offset, values->scale[i], m->factor);
    }
}

/// What codes are worth, less the zero of all.
PANEL_ROWS floats16 panel_levels(const struct halftone_panels *m, ints16 codes) {
    if (m->digits) {
        for (int i = 0; i < 16; i++) codes[i] = panel_level(m, codes[i]);
        return __builtin_convertvector(codes, floats16) * m->unit;
    }
    return __builtin_convertvector(codes - m->zero, floats16);
}

/// Sixteen elements of a row.
PANEL_ROWS floats16 panel_elements(const struct halftone_panels *m, const uint8_t *codes,
                                   float scale, float offset) {
#pragma clang fp contract(off)
    floats16 number = panel_levels(m, __builtin_convertvector(*(const bytes16 *)codes, ints16));
    if (panel_has_zeros(m)) return scale * (number - offset);
    if (m->offsets == HALFTONE_PANEL_NONE) return scale * number;
    return scale * number + offset;
}

/// Decodes rows first ..< last of a panel.
PANEL_ROWS void decode_panel(const struct halftone_panels *m, const uint8_t *panel,
                             const int32_t bits, int64_t first, int64_t last, int64_t columns,
                             float *output) {
    int64_t record_runs = m->record_runs == 0 ? 1 : m->record_runs;
    struct panel_record_values values;
    for (int64_t run = 0; run < m->runs; run++) {
        if (run % record_runs == 0) panel_read_record(m, panel, run / record_runs, &values);
        bytes64 steps[8];
        panel_steps(panel + panel_run_place(m, run), bits, steps);
        uint8_t rows[16][32];
        for (int half = 0; half < 2; half++) {
            ints16 turned[4];
            for (int i = 0; i < 4; i++) turned[i] = (ints16)steps[4 * half + i];
            panel_transpose(turned);
            for (int row = 0; row < 16; row++) {
                memcpy(rows[row] + 16 * half, (uint8_t *)&turned[row % 4] + row / 4 * 16, 16);
            }
        }
        int64_t rest = columns - 32 * run;
        int second = m->record_runs == 0;
        for (int64_t row = first; row < last; row++) {
            float *to = output + (row - first) * columns + 32 * run;
            floats16 low = panel_elements(m, rows[row], values.scale[0][row],
                                          values.offset[0][row]);
            floats16 high = panel_elements(m, rows[row] + 16, values.scale[second][row],
                                           values.offset[second][row]);
            if (rest >= 32) {
                *(floats16 *)to = low;
                *(floats16 *)(to + 16) = high;
            } else {
                floats16 both[2] = {low, high};
                memcpy(to, both, (size_t)(4 * rest));
            }
        }
    }
}

/// The product of a panel with a vector.
PANEL_ROWS floats16 dot_panel(const struct halftone_panels *m, const uint8_t *panel,
                              const int32_t bits, int64_t columns, const float *input,
                              const float *sums) {
    int64_t record_runs = m->record_runs == 0 ? 1 : m->record_runs;
    struct panel_record_values values;
    floats16 total = {0};
    for (int64_t run = 0; run < m->runs; run++) {
        if (run % record_runs == 0) panel_read_record(m, panel, run / record_runs, &values);
        const float *x = input + 32 * run;
        float padded[32] = {0};
        if (32 * run + 32 > columns) {
            memcpy(padded, x, (size_t)(4 * (columns - 32 * run)));
            x = padded;
        }
        bytes64 steps[8];
        panel_steps(panel + panel_run_place(m, run), bits, steps);
        floats16 halves[2];
        for (int half = 0; half < 2; half++) {
            floats16 part[4] = {{0}, {0}, {0}, {0}};
            for (int step = 4 * half; step < 4 * half + 4; step++) {
                uints16 four = (uints16)steps[step];
                for (int i = 0; i < 4; i++) {
                    ints16 code = (ints16)(four >> (uint32_t)(8 * i) & 255u);
                    floats16 level = m->digits ? panel_levels(m, code)
                                               : __builtin_convertvector(code, floats16);
                    part[i] += level * x[4 * step + i];
                }
            }
            halves[half] = (part[0] + part[1]) + (part[2] + part[3]);
        }
        float sum[2] = {sums[2 * run], 32 * run + 16 < columns ? sums[2 * run + 1] : 0};
        int groups = m->record_runs == 0 ? 2 : 1;
        if (groups == 1) {
            halves[0] += halves[1];
            sum[0] += sum[1];
        }
        for (int i = 0; i < groups; i++) {
            floats16 zero = (floats16){0} + (m->digits ? 0 : (float)m->zero);
            if (panel_has_zeros(m)) zero += values.offset[i];
            total += values.scale[i] * (halves[i] - zero * sum[i]);
            if (!panel_has_zeros(m) && m->offsets != HALFTONE_PANEL_NONE) {
                total += values.offset[i] * sum[i];
            }
        }
    }
    return total;
}

/// Calls a function with a constant number of bits.
#define PANEL_BITS(bits, CALL)                                                                     \
    switch (bits) {                                                                                \
    case 1: CALL(1); break;                                                                        \
    case 2: CALL(2); break;                                                                        \
    case 3: CALL(3); break;                                                                        \
    case 4: CALL(4); break;                                                                        \
    case 5: CALL(5); break;                                                                        \
    case 6: CALL(6); break;                                                                        \
    case 7: CALL(7); break;                                                                        \
    default: CALL(8); break;                                                                       \
    }

PANEL_ROWS void decode_rows(const struct halftone_panels *m, int64_t row, int64_t count,
                            int64_t columns, float *output) {
    for (int64_t end = row + count; row < end;) {
        const uint8_t *panel = m->bytes + row / 16 * m->panel_bytes;
        int64_t first = row % 16, last = first + end - row < 16 ? first + end - row : 16;
#define PANEL_DECODE(bits) decode_panel(m, panel, bits, first, last, columns, output)
        PANEL_BITS(m->bits, PANEL_DECODE)
        output += (last - first) * columns;
        row += last - first;
    }
}

PANEL_ROWS void dot_rows(const struct halftone_panels *m, int64_t row, int64_t count,
                         int64_t columns, const float *input, const float *sums, float *output) {
    for (int64_t end = row + count; row < end;) {
        const uint8_t *panel = m->bytes + row / 16 * m->panel_bytes;
        int64_t first = row % 16, last = first + end - row < 16 ? first + end - row : 16;
        floats16 total;
#define PANEL_DOT_ROWS(bits) total = dot_panel(m, panel, bits, columns, input, sums)
        PANEL_BITS(m->bits, PANEL_DOT_ROWS)
        memcpy(output, (float *)&total + first, (size_t)(4 * (last - first)));
        output += last - first;
        row += last - first;
    }
}

PANEL_ROWS_FORMS(decode_rows,
                 (const struct halftone_panels *m, int64_t row, int64_t count, int64_t columns,
                  float *output),
                 (m, row, count, columns, output))
PANEL_ROWS_FORMS(dot_rows,
                 (const struct halftone_panels *m, int64_t row, int64_t count, int64_t columns,
                  const float *input, const float *sums, float *output),
                 (m, row, count, columns, input, sums, output))

void halftone_panel_decode_rows(uint32_t features, const struct halftone_panels *m, int64_t row,
                                int64_t count, int64_t columns, float *output) {
    PANEL_ROWS_CHOOSE(features, decode_rows)(m, row, count, columns, output);
}

void halftone_panel_dot_rows(uint32_t features, const struct halftone_panels *m, int64_t row,
                             int64_t count, int64_t columns, const float *input,
                             const float *sums_of_16, float *output) {
    PANEL_ROWS_CHOOSE(features, dot_rows)(m, row, count, columns, input, sums_of_16, output);
}
