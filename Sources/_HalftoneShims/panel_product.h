// Products of panels of packed codes with vectors of signed bytes, and the decoding of a row.
// Included once per instruction set, with
//   PANEL_TARGET          the attribute of its functions,
//   PANEL_NAME            the name of the product,
//   PANEL_MOST            the most vectors that meet a panel at once: 16 or 4,
//   PANEL_TOGETHER        vectors whose sums of a run are under way at once: a sum waits for itself,
//   PANEL_DOT(a, c, x)    a plus four products per lane: unsigned bytes c, four signed bytes at x,
//                         or PANEL_DOT_STEP(a, c, x, i), the bytes at x + 4 · i, where registers
//                         hold the sums of several vectors rather than a run,
//   PANEL_HALVES(at)      sixteen float16 as floats,
//   PANEL_LOOKUP(t, c)    the bytes of 16-byte tables at the nibbles c, and where there is more
//   PANEL_ENTRIES(t, b, c) the bytes of a table of 2^b, at least 64, at the codes c,
//   PANEL_FUSED(a, b, c)  a · b + c rounded once, unless the compiler is to spell it,
//   PANEL_SIGNED          1 where the dots take signed bytes c,
//   PANEL_TABLES_ONLY     where the product is for matrices with tables alone.
// Sums of a run are exact integers, and scaled sums are added with one rounding. Each row and
// vector is summed alone, run by run, so that its result depends neither on which others are asked
// for nor on the instruction set: all forms give the same bits.
#include "panel_types.h"
#include <stdlib.h>

#pragma clang fp contract(off)

#ifndef PANEL_FUSED
#define PANEL_FUSED(a, b, c) __builtin_elementwise_fma(a, b, c)
#endif
#ifndef PANEL_SIGNED
#define PANEL_SIGNED 0
#endif

#define PANEL_INLINE PANEL_TARGET __attribute__((always_inline)) static inline

/// The bits of a plane, moved `right` (or left, below 0) and masked.
PANEL_INLINE bytes64 panel_field(const uint8_t *plane, const int right, const uint8_t mask) {
    words32 x = *(const words32 *)plane;
    return (bytes64)(right >= 0 ? x >> (uint16_t)right : x << (uint16_t)-right) & mask;
}

/// The codes of a step: four columns of the sixteen rows.
PANEL_INLINE bytes64 panel_codes(const uint8_t *run, const int BITS, const int step) {
    if (BITS == 8) return *(const bytes64 *)(run + 64 * step);
    bytes64 code = {0};
    int rest = BITS; // bits of planes that are still to come
    if (BITS & 4) {
        rest -= 4;
        code = panel_field(run + 64 * (step & 3), (step >> 2) * 4 - rest, 15 << rest);
        run += 256;
    }
    if (BITS & 2) {
        rest -= 2;
        code |= panel_field(run + 64 * (step & 1), (step >> 1) * 2 - rest, 3 << rest);
        run += 128;
    }
    if (BITS & 1) code |= panel_field(run, step, 1);
    return code;
}

/// Scales or offsets of a group of the sixteen rows.
PANEL_INLINE floats16 panel_values(int32_t kind, const uint8_t *at, floats16 outer, floats16 scale,
                                   float factor) {
    switch (kind) {
    case HALFTONE_PANEL_FLOAT16: return PANEL_HALVES(at);
    case HALFTONE_PANEL_BFLOAT16:
        return (floats16)(__builtin_convertvector(*(const words16 *)at, uints16) << 16);
    case HALFTONE_PANEL_FLOAT32: return *(const floats16 *)at;
    case HALFTONE_PANEL_UINT8:
        return __builtin_convertvector(*(const bytes16 *)at, floats16) * outer;
    case HALFTONE_PANEL_INT8:
        return __builtin_convertvector(*(const sbytes16 *)at, floats16) * outer;
    case HALFTONE_PANEL_E8M0: {
        uints16 exponents = __builtin_convertvector(*(const bytes16 *)at, uints16);
        // 2^−127 is subnormal: the upper bit of its fraction.
        return (floats16)(exponents << 23 | ((uints16)(exponents == 0) & 0x00400000));
    }
    case HALFTONE_PANEL_E4M3: {
        // Binary16 with a bias of 15 instead of 7.
        words16 wide = __builtin_convertvector(*(const bytes16 *)at, words16);
        words16 half = (wide & 128) << 8 | (wide & 127) << 7;
        return PANEL_HALVES((const uint8_t *)&half) * (256 * factor);
    }
    case HALFTONE_PANEL_UE3M5: {
        // Binary16 with a bias of 15 instead of 3.
        words16 half = __builtin_convertvector(*(const bytes16 *)at, words16) << 5;
        return PANEL_HALVES((const uint8_t *)&half) * (4096 * factor);
    }
    case HALFTONE_PANEL_ZEROS8:
    case HALFTONE_PANEL_ZEROS4:
    case HALFTONE_PANEL_ZEROS2:
        return -scale * __builtin_convertvector(panel_zeros(kind, at), floats16);
    case HALFTONE_PANEL_FACTOR: return scale * factor;
    default: return (floats16){0};
    }
}

/// What a record says, and where reading stands.
struct panel_reader {
    const uint8_t *at;
    int64_t runs, records; ///< Until the next record and header.
    floats16 outer_scale, outer_offset;
    floats16 scale[2], offset[2];
};

/// Reads up to the codes of the next run.
PANEL_INLINE const uint8_t *panel_read(const struct halftone_panels *m, const int BITS,
                                       const int HALVES, struct panel_reader *r) {
    if (r->runs == 0) {
        if (m->header_records && r->records == 0) {
            r->outer_scale = PANEL_HALVES(r->at);
            r->at += 32;
            if (m->offsets == HALFTONE_PANEL_UINT8) {
                r->outer_offset = PANEL_HALVES(r->at);
                r->at += 32;
            }
            r->records = m->header_records;
        }
        r->records -= 1;
        const int64_t scale_bytes = panel_value_bytes(m->scales);
        const int64_t offset_bytes = panel_value_bytes(m->offsets);
        const int groups = HALVES ? 2 : 1;
        for (int i = 0; i < groups; i++) {
            r->scale[i] = panel_values(m->scales, r->at + i * scale_bytes, r->outer_scale,
                                       (floats16){0}, m->scale_unit);
        }
        r->at += groups * scale_bytes;
        if (m->offsets != HALFTONE_PANEL_NONE) {
            for (int i = 0; i < groups; i++) {
                r->offset[i] = panel_values(m->offsets, r->at + i * offset_bytes, r->outer_offset,
                                            r->scale[i], m->factor);
            }
            r->at += groups * offset_bytes;
        }
        r->runs = HALVES ? 1 : m->record_runs;
    }
    r->runs -= 1;
    const uint8_t *codes = r->at;
    r->at += 64 * BITS;
    return codes;
}

/// Sixteen times the same; x − 0 is x, also where that is −0.
PANEL_INLINE floats16 panel_all(float x) { return x - (floats16){0}; }

PANEL_INLINE floats16 panel_float(ints16 x) { return __builtin_convertvector(x, floats16); }

/// Whether PANEL_DOT takes the codes less 128, which the offset of the sums makes up for.
#define PANEL_LESS_128(BITS) (PANEL_SIGNED && (BITS) == 8)

/// A step of a run as PANEL_DOT takes it.
PANEL_INLINE bytes64 panel_step(const uint8_t *codes, const int BITS, const int step) {
    return panel_codes(codes, BITS, step) ^ (uint8_t)(PANEL_LESS_128(BITS) ? 128 : 0);
}

/// Whether records are float16 scales and the codes of whole runs, of fewer than 8 bits.
PANEL_INLINE int panel_is_simple(const struct halftone_panels *m) {
    return m->bits < 8 && m->digits == 0 && m->record_runs != 0 && m->header_records == 0 &&
           m->scales == HALFTONE_PANEL_FLOAT16 && m->offsets == HALFTONE_PANEL_NONE;
}

/// A panel and COUNT vectors.
PANEL_INLINE void panel_sums(const struct halftone_panels *m, const uint8_t *panel, const int BITS,
                             const int HALVES, const int SIMPLE, const int COUNT,
                             const struct panel_part *x, floats16 *total) {
    enum { TABLE = 0 }; // for PANEL_DOT
    const int GROUPS = HALVES ? 2 : 1, STEPS = 8 / GROUPS;
    const int TOGETHER = COUNT < PANEL_TOGETHER ? COUNT : PANEL_TOGETHER;
    const int affine = !SIMPLE && m->offsets != HALFTONE_PANEL_NONE;
    struct panel_reader reader = {.at = panel};
    int64_t record_end = 0;
    for (int64_t run = 0; run < m->runs; run++) {
        const uint8_t *codes;
        if (SIMPLE) {
            if (run == record_end) {
                reader.scale[0] = PANEL_HALVES(reader.at);
                reader.at += 32;
                record_end = run + m->record_runs;
            }
            codes = reader.at;
            reader.at += 64 * BITS;
        } else {
            codes = panel_read(m, BITS, HALVES, &reader);
        }
        // Of the eights that meet a panel the later ones find it in the cache.
        if (!SIMPLE || x->fetches) {
            for (int i = 0; i < BITS; i++) __builtin_prefetch(codes + PANEL_AHEAD + 64 * i);
        }
        const int64_t at = run * x->lanes;
        const int8_t *values = x->values + 32 * at;
        const float *scales = x->scales + at;
#ifndef PANEL_DOT_STEP
        bytes64 z[8];
        for (int i = 0; i < 8; i++) z[i] = panel_step(codes, BITS, i);
#endif
        const int32_t *starts = x->starts + GROUPS * at;
        const float *weights = x->weights + GROUPS * at;
#pragma clang loop unroll(full)
        for (int t = 0; t < COUNT; t += TOGETHER) {
#pragma clang loop unroll(full)
            for (int group = 0; group < GROUPS; group++) {
                ints16 a[PANEL_TOGETHER];
#pragma clang loop unroll(full)
                for (int u = 0; u < TOGETHER; u++) {
                    a[u] = (ints16){0} + starts[group * x->lanes + t + u];
                }
#pragma clang loop unroll(full)
                for (int i = STEPS * group; i < STEPS * (group + 1); i++) {
#ifdef PANEL_DOT_STEP
                    // A step meets all vectors while it is in registers.
                    bytes64 step = panel_step(codes, BITS, i);
#endif
#pragma clang loop unroll(full)
                    for (int u = 0; u < TOGETHER; u++) {
#ifdef PANEL_DOT_STEP
                        a[u] = PANEL_DOT_STEP(a[u], step, values + 32 * (t + u), i);
#else
                        a[u] = PANEL_DOT(a[u], z[i], values + 32 * (t + u) + 4 * i);
#endif
                    }
                }
#pragma clang loop unroll(full)
                for (int u = 0; u < TOGETHER; u++) {
                    total[t + u] = PANEL_FUSED(panel_float(a[u]),
                                               reader.scale[group] * scales[t + u], total[t + u]);
                    if (HALVES && affine) {
                        const float weight = weights[group * x->lanes + t + u];
                        total[t + u] =
                            PANEL_FUSED(reader.offset[group], panel_all(weight), total[t + u]);
                    }
                }
            }
        }
        // One question for all vectors.
        if (!HALVES && affine) {
#pragma clang loop unroll(full)
            for (int t = 0; t < COUNT; t++) {
                total[t] = PANEL_FUSED(reader.offset[0], panel_all(weights[t]), total[t]);
            }
        }
    }
}

/// Writes the first `count` of sixteen rows from `row` on.
PANEL_INLINE void panel_put(floats16 sums, int64_t count, int64_t row, int64_t vector,
                            const struct halftone_panel_output *output) {
    float *to = output->values + vector * output->stride + row;
    if (count == 16) {
        if (output->bias) sums += *(const floats16 *)(output->bias + row);
        if (output->adds) sums += *(const floats16 *)to;
        *(floats16 *)to = sums;
        return;
    }
    floats16 other = {0};
    if (output->bias) {
        memcpy(&other, output->bias + row, 4 * count);
        sums += other;
    }
    if (output->adds) {
        memcpy(&other, to, 4 * count);
        sums += other;
    }
    memcpy(to, &sums, 4 * count);
}

typedef void (*panel_pass)(const struct halftone_panels *, const uint8_t *,
                           const struct panel_part *, floats16 *);

#define PANEL_PASS(BITS, COUNT)                                                                    \
    PANEL_TARGET __attribute__((noinline)) static void panel_pass_##BITS##_##COUNT(                \
        const struct halftone_panels *m, const uint8_t *panel, const struct panel_part *x,         \
        floats16 *sums) {                                                                          \
        floats16 total[COUNT];                                                                     \
        for (int t = 0; t < COUNT; t++) total[t] = (floats16){0};                                  \
        if (m->record_runs == 0) {                                                                 \
            panel_sums(m, panel, BITS, 1, 0, COUNT, x, total);                                     \
        } else if (BITS < 8 && COUNT == 8 && panel_is_simple(m)) {                                 \
            panel_sums(m, panel, BITS, 0, 1, COUNT, x, total);                                     \
        } else {                                                                                   \
            panel_sums(m, panel, BITS, 0, 0, COUNT, x, total);                                     \
        }                                                                                          \
        for (int t = 0; t < COUNT; t++) sums[t] = total[t];                                        \
    }

#ifndef PANEL_TABLES_ONLY
#if PANEL_MOST == 16
#define PANEL_PASSES(BITS)                                                                         \
    PANEL_PASS(BITS, 1)                                                                            \
    PANEL_PASS(BITS, 2)                                                                            \
    PANEL_PASS(BITS, 4)                                                                            \
    PANEL_PASS(BITS, 8)                                                                            \
    PANEL_PASS(BITS, 16)                                                                           \
    static const panel_pass panel_passes_##BITS[5] = {                                             \
        panel_pass_##BITS##_1, panel_pass_##BITS##_2, panel_pass_##BITS##_4,                       \
        panel_pass_##BITS##_8, panel_pass_##BITS##_16};
#else
#define PANEL_PASSES(BITS)                                                                         \
    PANEL_PASS(BITS, 1)                                                                            \
    PANEL_PASS(BITS, 2)                                                                            \
    PANEL_PASS(BITS, 4)                                                                            \
    static const panel_pass panel_passes_##BITS[3] = {                                             \
        panel_pass_##BITS##_1, panel_pass_##BITS##_2, panel_pass_##BITS##_4};
#endif

PANEL_PASSES(1)
PANEL_PASSES(2)
PANEL_PASSES(3)
PANEL_PASSES(4)
PANEL_PASSES(5)
PANEL_PASSES(6)
PANEL_PASSES(7)
PANEL_PASSES(8)
#endif

#include "panel_tables.h"

/// What comes before the products of some runs of tiles.
#define PANEL_BEGIN(NAME, INTS, FLOATS)                                                            \
    PANEL_TARGET static void NAME(const struct halftone_panels *m, const int32_t *sums,            \
                                  const float *scales, int64_t tiles, int32_t zero,                \
                                  int32_t *starts, float *weights) {                               \
        enum { LANES = sizeof(INTS) / 4 };                                                         \
        const int affine = m->offsets != HALFTONE_PANEL_NONE, halves = m->record_runs == 0;        \
        for (int64_t tile = 0; tile < tiles; tile++, sums += 2 * LANES, scales += LANES) {         \
            for (int group = 0; group <= halves; group++, starts += LANES, weights += LANES) {     \
                INTS sum = *(const INTS *)(sums + group * LANES);                                  \
                if (!halves) sum += *(const INTS *)(sums + LANES);                                 \
                *(INTS *)starts = sum * -zero;                                                     \
                if (!affine) continue;                                                             \
                *(FLOATS *)weights = PANEL_CONVERT(sum, FLOATS) * *(const FLOATS *)scales;         \
            }                                                                                      \
        }                                                                                          \
    }
#define PANEL_CONVERT(x, type) __builtin_convertvector(x, type)
PANEL_BEGIN(panel_begin_tiles, ints16, floats16)
#undef PANEL_CONVERT
#define PANEL_CONVERT(x, type) ((type)(x))
PANEL_BEGIN(panel_begin_alone, int32_t, float)
#undef PANEL_CONVERT

PANEL_TARGET void PANEL_NAME(const struct halftone_panels *m, int64_t first, int64_t last,
                const struct halftone_panel_vectors *x,
                const struct halftone_panel_output *output) {
#ifndef PANEL_TABLES_ONLY
    static const panel_pass *const all[8] = {
        panel_passes_1, panel_passes_2, panel_passes_3, panel_passes_4,
        panel_passes_5, panel_passes_6, panel_passes_7, panel_passes_8};
#endif
    const int groups = m->record_runs == 0 ? 2 : 1;
    const int32_t zero = m->digits ? PANEL_TABLE_ZERO
                                   : m->zero - (PANEL_LESS_128(m->bits) ? 128 : 0);
    // Eight vectors at once leave registers for sums that are under way; sixteen share what reading
    // scales and unpacking take, where that is more.
    const int largest = PANEL_MOST < 16 ? 2 : panel_is_simple(m) ? 3 : 4;
    // Tiles that stay in the cache while all panels pass by, and what comes before their products.
    const int64_t lanes = x->lanes, tile = m->runs * lanes, end = x->first + x->count;
    int64_t tiles = PANEL_VECTOR_PLACES / groups / (tile + 1) + 1;
    if (tiles > (end - 1) / lanes - x->first / lanes + 1) {
        tiles = (end - 1) / lanes - x->first / lanes + 1;
    }
    int32_t here[4 * PANEL_VECTOR_PLACES];
    int32_t *starts = here;
    if (2 * groups * tiles * tile > 4 * PANEL_VECTOR_PLACES) {
        starts = malloc(8 * groups * tiles * tile);
        if (!starts) abort();
    }
    float *weights = (float *)(starts + groups * tiles * tile);
    for (int64_t start = x->first; start < end;) {
        const int64_t base = start / lanes * tile;
        int64_t stop = (start / lanes + tiles) * lanes;
        if (stop > end) stop = end;
        const int64_t count = ((stop - 1) / lanes - start / lanes + 1) * m->runs;
        (lanes == 16 ? panel_begin_tiles : panel_begin_alone)(
            m, x->sums + 2 * base, x->scales + base, count, zero, starts, weights);
        for (int64_t p = first; p < last; p++) {
            const uint8_t *panel = m->bytes + p * m->panel_bytes;
            int64_t rows = m->rows - 16 * p < 16 ? m->rows - 16 * p : 16;
            for (int64_t t = start; t < stop;) {
                // Not beyond the tile.
                int64_t most = lanes - t % lanes < stop - t ? lanes - t % lanes : stop - t;
                int power = largest;
                while (1 << power > most) power--;
                const int64_t at = halftone_panel_place(x, t, 0), lane = t % lanes;
                const int64_t begin = groups * (at - lane - base) + lane;
                struct panel_part part = {.values = x->values + 32 * at,
                                          .scales = x->scales + at,
                                          .starts = starts + begin,
                                          .weights = weights + begin,
                                          .lanes = lanes,
                                          .fetches = t == start};
                floats16 sums[PANEL_MOST];
#ifdef PANEL_TABLES_ONLY
                panel_pass pass = panel_table_pass(m, power);
#else
                panel_pass pass = m->digits ? panel_table_pass(m, power) : all[m->bits - 1][power];
#endif
                pass(m, panel, &part, sums);
                for (int64_t i = 0; i < 1 << power; i++) {
                    panel_put(sums[i], rows, 16 * p, t - x->first + i, output);
                }
                t += 1 << power;
            }
        }
        start = stop;
    }
    if (starts != here) free(starts);
}
