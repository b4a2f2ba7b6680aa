// Products of panels, laid out as the header `panels.h` tells, held bit for bit to a definition
// that knows nothing of the layout.
#include "sweep.h"

/// How a matrix is coded.
struct coding {
    int32_t bits;
    int32_t digits; ///< Of the table's values, or 0.
    int64_t group; ///< Columns: 16, a multiple of 32, or 0 for whole rows.
    int32_t scales, offsets;
};

enum { CODES = 14, GROUPS = 5, VALUES = 14 };

static struct coding coding_of(int code, int group, int values) {
    static const int64_t groups[GROUPS] = {16, 32, 64, 96, 0};
    static const int32_t pairs[VALUES][2] = {
        {HALFTONE_PANEL_FLOAT16, HALFTONE_PANEL_NONE},
        {HALFTONE_PANEL_FLOAT16, HALFTONE_PANEL_FLOAT16},
        {HALFTONE_PANEL_BFLOAT16, HALFTONE_PANEL_BFLOAT16},
        {HALFTONE_PANEL_FLOAT32, HALFTONE_PANEL_FLOAT32},
        {HALFTONE_PANEL_FLOAT32, HALFTONE_PANEL_ZEROS8},
        {HALFTONE_PANEL_FLOAT16, HALFTONE_PANEL_FACTOR},
        {HALFTONE_PANEL_UINT8, HALFTONE_PANEL_UINT8},
        {HALFTONE_PANEL_INT8, HALFTONE_PANEL_NONE},
        {HALFTONE_PANEL_E8M0, HALFTONE_PANEL_NONE},
        {HALFTONE_PANEL_E4M3, HALFTONE_PANEL_NONE},
        {HALFTONE_PANEL_FLOAT16, HALFTONE_PANEL_ZEROS4},
        {HALFTONE_PANEL_UE3M5, HALFTONE_PANEL_NONE},
        {HALFTONE_PANEL_UE3M5, HALFTONE_PANEL_ZEROS4},
        {HALFTONE_PANEL_UE3M5, HALFTONE_PANEL_ZEROS2},
    };
    // Codes as they are, and codes of tables of one to three digits, which have no offsets.
    static const int32_t tables[CODES - 8][2] = {{4, 1}, {6, 2}, {8, 3}, {3, 2}, {5, 1}, {7, 3}};
    if (code < 8) {
        return (struct coding){code + 1, 0, groups[group], pairs[values][0], pairs[values][1]};
    }
    return (struct coding){tables[code - 8][0], tables[code - 8][1], groups[group],
                           pairs[values][0], HALFTONE_PANEL_NONE};
}

/// Room for the largest shape, taken once.
static _Thread_local struct {
    struct sweep_memory panels, codes, inputs, values, scales, sums, bias, output;
    float *row_scales, *row_offsets, *expected;
} room;

enum { MOST_RUNS = (SWEEP_LARGEST + 31) / 32, MOST_GROUPS = 2 * MOST_RUNS };

static void make_room(void) {
    if (room.expected) return;
    const int64_t n = SWEEP_LARGEST, rows = n + 16, columns = 32 * MOST_RUNS;
    room.panels = sweep_memory_of(rows * columns + rows * MOST_GROUPS * 12);
    room.codes = sweep_memory_of(rows * columns);
    room.inputs = sweep_memory_of(4 * n * columns);
    room.values = sweep_memory_of((n + 32) * columns);
    room.scales = sweep_memory_of(4 * (n + 32) * MOST_RUNS);
    room.sums = sweep_memory_of(8 * (n + 32) * MOST_RUNS);
    room.bias = sweep_memory_of(4 * rows);
    room.output = sweep_memory_of(4 * n * (n + 4));
    room.row_scales = malloc(sizeof(float) * (size_t)(rows * MOST_GROUPS));
    room.row_offsets = malloc(sizeof(float) * (size_t)(rows * MOST_GROUPS));
    room.expected = malloc(sizeof(float) * (size_t)(n * (n + 4)));
}

/// A float of the bits of a binary16 with an exponent from 2^-3 to 2^0.
static uint32_t half_bits(struct sweep_random *random, float *value) {
    uint32_t sign = (uint32_t)sweep_integer(random, 0, 1);
    uint32_t exponent = (uint32_t)sweep_integer(random, 12, 15);
    uint32_t digits = (uint32_t)sweep_integer(random, 0, 1023);
    float magnitude = ldexpf(1 + (float)digits / 1024, (int)exponent - 15);
    *value = sign ? -magnitude : magnitude;
    return sign << 15 | exponent << 10 | digits;
}

/// The bits of a stored value, and what it stands for.
static uint32_t stored(struct sweep_random *random, int32_t kind, float outer, float scale,
                       float factor, float *value) {
    uint32_t bits = (uint32_t)sweep_next(random);
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16: return half_bits(random, value);
    case HALFTONE_PANEL_BFLOAT16:
    case HALFTONE_PANEL_FLOAT32:
        *value = sweep_float(random);
        memcpy(&bits, value, 4);
        if (kind == HALFTONE_PANEL_FLOAT32) return bits;
        bits &= 0xFFFF0000;
        memcpy(value, &bits, 4);
        return bits >> 16;
    case HALFTONE_PANEL_UINT8: *value = outer * (float)(bits & 255); return bits & 255;
    case HALFTONE_PANEL_INT8: *value = outer * (float)(int8_t)(bits & 255); return bits & 255;
    case HALFTONE_PANEL_E8M0:
        bits = (uint32_t)sweep_integer(random, 117, 130);
        *value = ldexpf(1, (int)bits - 127);
        return bits;
    case HALFTONE_PANEL_E4M3:
        bits = (uint32_t)sweep_integer(random, 0, 126) | (bits & 128);
        *value = bits >> 3 & 15 ? ldexpf(1 + (float)(bits & 7) / 8, (int)(bits >> 3 & 15) - 7)
                                : ldexpf((float)(bits & 7), -9);
        if (bits & 128) *value = -*value;
        *value *= factor;
        return bits;
    case HALFTONE_PANEL_UE3M5:
        bits &= 255;
        *value = bits >> 5 ? ldexpf(1 + (float)(bits & 31) / 32, (int)(bits >> 5) - 3)
                           : ldexpf((float)bits, -7);
        *value *= factor;
        return bits;
    case HALFTONE_PANEL_ZEROS2: *value = -scale * (float)(bits & 3); return bits & 3;
    case HALFTONE_PANEL_ZEROS4: *value = -scale * (float)(bits & 15); return bits & 15;
    case HALFTONE_PANEL_ZEROS8: *value = -scale * (float)(bits & 255); return bits & 255;
    case HALFTONE_PANEL_FACTOR: *value = scale * factor; return 0;
    default: *value = 0; return 0;
    }
}

/// Bytes of the values of one group.
static int64_t value_bytes(int32_t kind) {
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16:
    case HALFTONE_PANEL_BFLOAT16: return 32;
    case HALFTONE_PANEL_FLOAT32: return 64;
    case HALFTONE_PANEL_UINT8:
    case HALFTONE_PANEL_INT8:
    case HALFTONE_PANEL_E8M0:
    case HALFTONE_PANEL_E4M3:
    case HALFTONE_PANEL_UE3M5:
    case HALFTONE_PANEL_ZEROS8: return 16;
    case HALFTONE_PANEL_ZEROS4: return 8;
    case HALFTONE_PANEL_ZEROS2: return 4;
    default: return 0;
    }
}

/// Writes a code as the header `panels.h` tells.
static void put_code(uint8_t *run, int32_t bits, int row, int column, int code) {
    const int step = column / 4;
    int rest = bits;
    for (int width = 8; width > 0; width /= 2) {
        if (!(bits & width)) continue;
        rest -= width;
        const int field = code >> rest & ((1 << width) - 1);
        run[64 * (step % width) + 4 * row + column % 4] |=
            (uint8_t)(field << step / width * width % 8);
        run += 64 * width;
    }
}

/// Writes a row: the codes, and the scales and offsets of all groups, whose values it keeps.
static void fill_row(const struct halftone_panels *m, uint8_t *panel, int64_t row,
                     const uint8_t *codes, int64_t groups, struct sweep_random *random) {
    float outer_scale = 0, outer_offset = 0;
    const int lane = (int)(row % 16);
    const int64_t per_record = m->record_runs == 0 ? 2 : 1;
    const int64_t record_runs = m->record_runs == 0 ? 1 : m->record_runs;
    const int64_t scale_bytes = value_bytes(m->scales), offset_bytes = value_bytes(m->offsets);
    uint8_t *at = panel;
    for (int64_t record = 0; record * record_runs < m->runs; record++) {
        if (m->header_records && record % m->header_records == 0) {
            uint32_t bits = half_bits(random, &outer_scale);
            memcpy(at + 2 * lane, &bits, 2);
            at += 32;
            if (m->offsets == HALFTONE_PANEL_UINT8) {
                bits = half_bits(random, &outer_offset);
                memcpy(at + 2 * lane, &bits, 2);
                at += 32;
            }
        }
        for (int64_t i = 0; i < per_record; i++) {
            float *scale = room.row_scales + row * groups + record * per_record + i;
            float *offset = room.row_offsets + row * groups + record * per_record + i;
            uint32_t bits = stored(random, m->scales, outer_scale, 0, m->scale_unit, scale);
            memcpy(at + i * scale_bytes + lane * scale_bytes / 16, &bits,
                   (size_t)(scale_bytes / 16));
            bits = stored(random, m->offsets, outer_offset, *scale, m->factor, offset);
            uint8_t *to = at + per_record * scale_bytes + i * offset_bytes;
            if (m->offsets == HALFTONE_PANEL_ZEROS4) {
                to[lane % 8] |= (uint8_t)(bits << lane / 8 * 4);
            } else if (m->offsets == HALFTONE_PANEL_ZEROS2) {
                to[lane % 4] |= (uint8_t)(bits << lane / 4 * 2);
            } else {
                memcpy(to + lane * offset_bytes / 16, &bits, (size_t)(offset_bytes / 16));
            }
        }
        at += per_record * (scale_bytes + offset_bytes);
        for (int64_t run = record * record_runs; run < (record + 1) * record_runs; run++) {
            if (run == m->runs) break;
            for (int c = 0; c < 32; c++) put_code(at, m->bits, lane, c, codes[32 * run + c]);
            at += 64 * m->bits;
        }
    }
}

/// Codes from `first` on with as many bytes of a vector: sums of the digits are exact, and a third
/// one joins with one rounding.
static float dot_of(const struct halftone_panels *m, const uint8_t *codes, const int8_t *x,
                    int64_t count) {
    const int size = m->bits <= 6 ? 64 : 1 << m->bits;
    int32_t dots[3] = {0};
    for (int64_t c = 0; c < count; c++) {
        if (m->digits == 0) dots[0] += (codes[c] - m->zero) * x[c];
        for (int d = 0; d < m->digits; d++) {
            dots[d] += (m->table[d * size + codes[c]] - 128) * x[c];
        }
    }
    if (m->digits <= 2) return (float)(256 * dots[1] + dots[0]);
    return fmaf((float)(256 * dots[2] + dots[1]), 256, (float)dots[0]);
}

/// The definition: runs from first to last; integers are exact, and each scaled sum is added with
/// one rounding.
static float product(const struct halftone_panels *m, const uint8_t *codes, const float *scales,
                     const float *offsets, const struct halftone_panel_vectors *vectors,
                     int64_t vector) {
    const int64_t half = m->record_runs == 0;
    float total = 0;
    for (int64_t run = 0; run < m->runs; run++) {
        const int64_t at = halftone_panel_place(vectors, vector, run);
        const float scale = vectors->scales[at];
        for (int64_t part = 0; part <= half; part++) {
            const int64_t group = half ? 2 * run + part : run / m->record_runs;
            const int64_t count = half ? 16 : 32;
            const int8_t *x = vectors->values + 32 * at + 16 * part;
            int32_t sum = 0;
            for (int64_t c = 0; c < count; c++) sum += x[c];
            total = fmaf(dot_of(m, codes + 32 * run + 16 * part, x, count),
                         scales[group] * scale, total);
            if (m->offsets != HALFTONE_PANEL_NONE) {
                total = fmaf(offsets[group], (float)sum * scale, total);
            }
        }
    }
    return m->digits ? total * m->unit : total;
}

/// Makes a matrix and vectors of a shape, multiplies and compares.
static void try_shape(struct sweep_result *result, uint32_t features, struct coding coding,
                      int64_t rows, int64_t columns, int64_t vectors) {
    make_room();
    struct sweep_random random = {.state = (uint64_t)(rows << 40 ^ columns << 20 ^ vectors) +
                                           (uint64_t)coding.bits * 31};
    const int64_t runs = (columns + 31) / 32, panels = (rows + 15) / 16;
    const int half = coding.group == 16;
    struct halftone_panels m = {
        .rows = rows,
        .runs = runs,
        .record_runs = half ? 0 : coding.group == 0 ? runs : coding.group / 32,
        .bits = coding.bits,
        .zero = (int32_t)sweep_integer(&random, 0, (1 << coding.bits) - 1),
        .scales = coding.scales,
        .offsets = coding.offsets,
        .factor = -0.5f * (float)sweep_integer(&random, 1, 15),
        .scale_unit = 0.0127f * (float)sweep_integer(&random, 1, 15),
    };
    const int64_t record_runs = half ? 1 : m.record_runs;
    const int64_t groups = half ? 2 * runs : (runs + record_runs - 1) / record_runs;
    if (coding.scales == HALFTONE_PANEL_UINT8 || coding.scales == HALFTONE_PANEL_INT8) {
        m.header_records = sweep_integer(&random, 1, 8);
    }
    m.panel_bytes = halftone_panel_bytes(&m);
    uint8_t *bytes = sweep_take(room.panels, panels * m.panel_bytes);
    m.bytes = bytes;
    uint8_t table[3 * 256];
    const int entries = 1 << coding.bits, size = entries < 64 ? 64 : entries;
    for (int i = 0; i < 3 * size; i++) {
        table[i] = i % size < entries ? (uint8_t)sweep_next(&random) : table[i - entries];
    }
    if (coding.digits) {
        m.digits = coding.digits;
        m.unit = 0.3f;
        m.table = table;
    }

    // Codes of whole runs; those behind the last column hold anything.
    const int64_t width = 32 * runs;
    uint8_t *codes = sweep_take(room.codes, rows * width);
    for (int64_t i = 0; i < rows * width; i += 8) {
        uint64_t eight = sweep_next(&random) & 0x0101010101010101u * ((1u << coding.bits) - 1);
        memcpy(codes + i, &eight, 8);
    }
    memset(bytes, 0, (size_t)(panels * m.panel_bytes));
    for (int64_t row = 0; row < rows; row++) {
        uint8_t *panel = bytes + row / 16 * m.panel_bytes;
        fill_row(&m, panel, row, codes + row * width, groups, &random);
    }

    float *inputs = sweep_take(room.inputs, 4 * vectors * columns);
    sweep_floats(&random, inputs, vectors * columns);
    // In tiles, from the first or a later vector on, and where there is but one also alone.
    const int64_t lanes = vectors == 1 && rows % 2 ? 1 : 16;
    const int64_t begin = lanes > 1 ? columns % 5 : 0;
    const int64_t places = (begin + vectors + lanes - 1) / lanes * lanes * runs;
    struct halftone_panel_vectors x = {
        .first = begin,
        .count = vectors,
        .runs = runs,
        .lanes = lanes,
        .values = sweep_take(room.values, 32 * places),
        .scales = sweep_take(room.scales, 4 * places),
        .sums = sweep_take(room.sums, 8 * places),
    };
    halftone_panel_quantize(features, inputs, columns, columns, &x, 0);

    // Whole and part of the panels; alone or on top of what is there.
    const int64_t first = sweep_integer(&random, 0, panels - 1), stride = rows + rows % 3;
    const int has_bias = rows % 2, adds = columns % 2;
    float *bias = sweep_take(room.bias, 4 * rows);
    sweep_floats(&random, bias, rows);
    const int64_t count = (vectors - 1) * stride + rows;
    struct halftone_panel_output output = {
        .values = sweep_take(room.output, 4 * count),
        .stride = stride,
        .bias = has_bias ? bias : 0,
        .adds = adds,
    };
    sweep_floats(&random, output.values, count);
    memcpy(room.expected, output.values, (size_t)(4 * count));
    halftone_panel_product(features, &m, 0, first, &x, &output);
    halftone_panel_product(features, &m, first, panels, &x, &output);
    for (int64_t t = 0; t < vectors; t++) {
        for (int64_t row = 0; row < rows; row++) {
            float sum = product(&m, codes + row * width, room.row_scales + row * groups,
                                room.row_offsets + row * groups, &x, begin + t);
            float *to = room.expected + t * stride + row;
            if (has_bias) sum += bias[row];
            *to = adds ? sum + *to : sum;
        }
    }
    const int is_right = memcmp(room.expected, output.values, (size_t)(4 * count)) == 0;
    sweep_record(result, is_right, rows, columns, vectors);
    sweep_digest(result, output.values, 4 * count);
}

void sweep_panel_columns(struct sweep_result *result, uint32_t features, int64_t step) {
    struct sweep_random random = {.state = 1};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        for (int code = 0; code < CODES; code++) {
            // Halves of runs, and one of the larger groups.
            for (int larger = 0; larger < 2; larger++) {
                int group = larger ? 1 + (int)(n % (GROUPS - 1)) : 0;
                struct coding coding = coding_of(code, group, (int)(n / 4 + code) % VALUES);
                int64_t rows = sweep_integer(&random, 1, 20);
                try_shape(result, features, coding, rows, n, sweep_integer(&random, 1, 4));
            }
        }
    }
}

void sweep_panel_rows(struct sweep_result *result, uint32_t features, int64_t step) {
    struct sweep_random random = {.state = 2};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        for (int code = 0; code < CODES; code++) {
            struct coding coding = coding_of(code, (int)(n % GROUPS), (int)(n % VALUES));
            int64_t columns = sweep_integer(&random, 1, 70);
            try_shape(result, features, coding, n, columns, sweep_integer(&random, 1, 3));
        }
    }
}

void sweep_panel_vectors(struct sweep_result *result, uint32_t features, int64_t step) {
    struct sweep_random random = {.state = 3};
    for (int64_t n = 1; n <= SWEEP_LARGEST; n = sweep_after(n, step)) {
        for (int code = 0; code < CODES; code++) {
            struct coding coding = coding_of(code, (int)(n % GROUPS), (int)(n % VALUES));
            // Long vectors meet the panels in blocks that fit a cache.
            int64_t most = (n + code) % 32 == 0 ? SWEEP_LARGEST : 70;
            int64_t columns = sweep_integer(&random, 1, most);
            try_shape(result, features, coding, sweep_integer(&random, 1, 3), columns, n);
        }
    }
}

void sweep_panel_triples(struct sweep_result *result, uint32_t features, int64_t step) {
    struct sweep_random random = {.state = 4};
    for (int64_t i = 0; i < 300; i += step) {
        // Evenly spread on a logarithmic scale.
        int64_t size[3];
        for (int d = 0; d < 3; d++) {
            size[d] = sweep_integer(&random, 1, 1 << sweep_integer(&random, 1, 10));
        }
        struct coding coding = coding_of((int)(i % CODES), (int)(i % GROUPS), (int)(i % VALUES));
        try_shape(result, features, coding, size[0], size[1], size[2]);
    }
}
