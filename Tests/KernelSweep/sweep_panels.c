// Products of panels, held bit for bit to a definition that knows nothing of their layout.
#include "sweep.h"

/// How a matrix is coded.
struct coding {
    int32_t bits;
    int has_table;
    int64_t group; ///< Columns: 16, a multiple of 32, or 0 for whole rows.
    int32_t scales, offsets;
};

enum { CODES = 9, GROUPS = 5, VALUES = 8 };

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
    };
    return (struct coding){code == 8 ? 4 : code + 1, code == 8, groups[group], pairs[values][0],
                           pairs[values][1]};
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
    room.values = sweep_memory_of(n * columns);
    room.scales = sweep_memory_of(4 * n * MOST_RUNS);
    room.sums = sweep_memory_of(8 * n * MOST_RUNS);
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
    case HALFTONE_PANEL_ZEROS8: *value = -scale * (float)(bits & 255); return bits & 255;
    case HALFTONE_PANEL_FACTOR: *value = scale * factor; return 0;
    default: *value = 0; return 0;
    }
}

/// Writes scales and offsets of all groups and rows, and keeps what they stand for.
static void fill_values(const struct halftone_panels *m, uint8_t *bytes, int64_t groups,
                        struct sweep_random *random) {
    for (int64_t row = 0; row < m->rows; row++) {
        uint8_t *panel = bytes + row / 16 * m->panel_bytes;
        float outer_scale = 0, outer_offset = 0;
        const int64_t per_record = m->record_runs == 0 ? 2 : 1;
        for (int64_t group = 0; group < groups; group++) {
            if (m->header_records && group % (m->header_records * per_record) == 0) {
                uint32_t scale = half_bits(random, &outer_scale);
                uint32_t offset = half_bits(random, &outer_offset);
                // The header is right before the first scale of its records.
                int64_t bytes = m->offsets == HALFTONE_PANEL_UINT8 ? 64 : 32;
                int64_t runs = m->record_runs == 0 ? 1 : m->record_runs;
                int64_t values = per_record * (m->offsets == HALFTONE_PANEL_UINT8 ? 32 : 16);
                int64_t record = group / per_record;
                int64_t place = record / m->header_records * bytes +
                                record * (values + runs * 64 * m->bits);
                memcpy(panel + place + 2 * (row % 16), &scale, 2);
                if (bytes == 64) memcpy(panel + place + 32 + 2 * (row % 16), &offset, 2);
            }
            float *scale = room.row_scales + row * groups + group;
            float *offset = room.row_offsets + row * groups + group;
            uint32_t bits = stored(random, m->scales, outer_scale, 0, 0, scale);
            halftone_panel_put_scale(m, panel, group, row % 16, bits);
            bits = stored(random, m->offsets, outer_offset, *scale, m->factor, offset);
            if (m->offsets != HALFTONE_PANEL_NONE && m->offsets != HALFTONE_PANEL_FACTOR) {
                halftone_panel_put_offset(m, panel, group, row % 16, bits);
            }
        }
    }
}

/// The definition: runs from first to last; integers are exact, and each scaled sum is added with
/// one rounding.
static float product(const struct halftone_panels *m, const uint8_t *codes, const float *scales,
                     const float *offsets, const int8_t *x, const float *x_scales) {
    const int64_t half = m->record_runs == 0;
    float total = 0;
    for (int64_t run = 0; run < m->runs; run++) {
        for (int64_t part = 0; part <= half; part++) {
            const int64_t group = half ? 2 * run + part : run / m->record_runs;
            const int64_t first = 32 * run + 16 * part, count = half ? 16 : 32;
            int32_t dot = 0, sum = 0;
            for (int64_t c = first; c < first + count; c++) {
                dot += (codes[c] - m->zero) * x[c];
                sum += x[c];
            }
            total = fmaf((float)dot, scales[group] * x_scales[run], total);
            if (m->offsets != HALFTONE_PANEL_NONE) {
                total = fmaf(offsets[group], (float)sum * x_scales[run], total);
            }
        }
    }
    return total;
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
        .zero = (int32_t)sweep_integer(&random, 0, coding.has_table ? 255 : (1 << coding.bits) - 1),
        .scales = coding.scales,
        .offsets = coding.offsets,
        .factor = -0.5f * (float)sweep_integer(&random, 1, 15),
    };
    const int64_t record_runs = half ? 1 : m.record_runs;
    const int64_t groups = half ? 2 * runs : (runs + record_runs - 1) / record_runs;
    if (coding.scales == HALFTONE_PANEL_UINT8 || coding.scales == HALFTONE_PANEL_INT8) {
        m.header_records = sweep_integer(&random, 1, 8);
    }
    m.panel_bytes = halftone_panel_bytes(&m);
    uint8_t *bytes = sweep_take(room.panels, panels * m.panel_bytes);
    m.bytes = bytes;
    uint8_t table[64];
    if (coding.has_table) {
        for (int i = 0; i < 64; i++) {
            table[i] = i < 16 ? (uint8_t)sweep_next(&random) : table[i - 16];
        }
        m.table = table;
    }

    // Codes of whole panels; those behind the last column and row hold anything.
    const int64_t width = 32 * runs;
    uint8_t *codes = sweep_take(room.codes, 16 * panels * width);
    for (int64_t i = 0; i < 16 * panels * width; i += 8) {
        uint64_t eight = sweep_next(&random) & 0x0101010101010101u * ((1u << coding.bits) - 1);
        memcpy(codes + i, &eight, 8);
    }
    for (int64_t p = 0; p < panels; p++) {
        halftone_panel_pack(&m, codes + 16 * p * width, bytes + p * m.panel_bytes);
    }
    fill_values(&m, bytes, groups, &random);
    if (coding.has_table) {
        for (int64_t i = 0; i < 16 * panels * width; i++) codes[i] = table[codes[i]];
    }

    float *inputs = sweep_take(room.inputs, 4 * vectors * columns);
    sweep_floats(&random, inputs, vectors * columns);
    struct halftone_panel_vectors x = {
        .count = vectors,
        .runs = runs,
        .values = sweep_take(room.values, vectors * width),
        .scales = sweep_take(room.scales, 4 * vectors * runs),
        .sums = sweep_take(room.sums, 8 * vectors * runs),
    };
    halftone_panel_quantize(features, inputs, columns, columns, &x);

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
                                room.row_offsets + row * groups, x.values + t * width,
                                x.scales + t * runs);
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
            for (int group = 0; group < GROUPS; group++) {
                struct coding coding = coding_of(code, group, (int)(n + code + group) % VALUES);
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
