// Products of panels whose codes are looked up in a table, included by panel_product.h.
//
// What a code stands for is a whole number of one to three digits to the base 256, each from −128
// to 127, times a unit. A digit's table has it plus 128 for every code, so that each digit meets
// the bytes of a vector as a code does. Sums of one and two digits are exact in 32 bits: no more
// than 32 · 127 · 2^15; a third joins them as a float.

// A form whose dots take signed bytes (PANEL_SIGNED) gets the digits as they are.
#if PANEL_SIGNED
#define PANEL_TABLE_FLIPS 128
#define PANEL_TABLE_ZERO 0
#else
#define PANEL_TABLE_FLIPS 0
#define PANEL_TABLE_ZERO 128
#endif

// Four products per lane with the bytes at x + 4 · i.
#ifdef PANEL_DOT_STEP
#define PANEL_TABLE_DOT(a, c, x, i) PANEL_DOT_STEP(a, c, x, i)
#else
#define PANEL_TABLE_DOT(a, c, x, i) PANEL_DOT(a, c, (x) + 4 * (i))
#endif

/// Bytes of a digit's table; those of fewer than 64 codes repeat them.
#define PANEL_TABLE_BYTES(BITS) ((BITS) <= 6 ? 64 : 1 << (BITS))

/// The entries of codes; a form with more than PANEL_LOOKUP brings its own, and with it is worth
/// code for a lone vector of each width.
#ifdef PANEL_ENTRIES
#define PANEL_LONE_WIDTHS 1
#else
#define PANEL_LONE_WIDTHS 0
PANEL_INLINE bytes64 panel_entries(const uint8_t *table, const int BITS, bytes64 codes) {
    if (BITS <= 4) return PANEL_LOOKUP(*(const bytes64 *)table, codes);
    bytes64 low = codes & 15, high = codes >> 4, result = {0};
    for (int part = 0; part < 1 << (BITS - 4); part++) {
        bytes16 sixteen = *(const bytes16 *)(table + 16 * part);
        bytes64 four = __builtin_shufflevector(
            sixteen, sixteen, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5,
            6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        result |= PANEL_LOOKUP(four, low) & (bytes64)(high == (uint8_t)part);
    }
    return result;
}
#define PANEL_ENTRIES(t, BITS, c) panel_entries(t, BITS, c)
#endif

/// The digits of a run, the least significant first.
PANEL_INLINE void panel_digits(const uint8_t *table, const uint8_t *codes, const int BITS,
                               const int DIGITS, bytes64 *steps) {
    for (int i = 0; i < 8; i++) {
        bytes64 code = panel_codes(codes, BITS, i);
        for (int d = 0; d < DIGITS; d++) {
            steps[8 * d + i] = PANEL_ENTRIES(table + d * PANEL_TABLE_BYTES(BITS), BITS, code)
                ^ PANEL_TABLE_FLIPS;
        }
    }
}

/// Some steps of digits with a vector; each digit's sum begins with `start`.
PANEL_INLINE floats16 panel_digits_dot(const bytes64 *steps, const int DIGITS, int first, int last,
                                       const int8_t *x, int32_t start) {
    enum { BITS = 8, TABLE = 1 }; // for PANEL_DOT: all eight bits of a digit count
    ints16 sums[3];
    for (int d = 0; d < DIGITS; d++) {
        sums[d] = (ints16){0} + start;
        for (int i = first; i < last; i++) {
            sums[d] = PANEL_TABLE_DOT(sums[d], steps[8 * d + i], x, i);
        }
    }
    if (DIGITS == 1) return panel_float(sums[0]);
    if (DIGITS == 2) return panel_float((sums[1] << 8) + sums[0]);
    return PANEL_FUSED(panel_float((sums[2] << 8) + sums[1]), (floats16){0} + 256,
                           panel_float(sums[0]));
}

typedef void (*panel_unpack)(const uint8_t *, const uint8_t *, bytes64 *);

/// A panel and COUNT vectors; unpacked as BITS says, or at BITS = 0 by a function.
PANEL_INLINE void panel_table_sums(const struct halftone_panels *m, const uint8_t *panel,
                                   const int BITS, panel_unpack unpack, const int DIGITS,
                                   const int HALVES, const int COUNT,
                                   const struct panel_part *x, floats16 *total) {
    struct panel_reader reader = {.at = panel};
    for (int64_t run = 0; run < m->runs; run++) {
        const uint8_t *codes = panel_read(m, BITS ? BITS : m->bits, HALVES, &reader);
        bytes64 z[24];
        if (BITS) {
            for (int i = 0; i < BITS; i++) __builtin_prefetch(codes + PANEL_AHEAD + 64 * i);
            panel_digits(m->table, codes, BITS, DIGITS, z);
        } else {
            unpack(m->table, codes, z);
        }
        for (int t = 0; t < COUNT; t++) {
            const int64_t at = run * x->lanes + t;
            const int8_t *v = x->values + 32 * at;
            const float scale = x->scales[at];
            if (HALVES) {
                for (int half = 0; half < 2; half++) {
                    floats16 dots =
                        panel_digits_dot(z, DIGITS, 4 * half, 4 * half + 4, v,
                                         x->starts[2 * at - t + half * x->lanes]);
                    total[t] = PANEL_FUSED(dots, reader.scale[half] * scale, total[t]);
                }
            } else {
                floats16 dots = panel_digits_dot(z, DIGITS, 0, 8, v, x->starts[at]);
                total[t] = PANEL_FUSED(dots, reader.scale[0] * scale, total[t]);
            }
        }
    }
}

#define PANEL_TABLE_PASS(NAME, BITS, UNPACK, DIGITS, COUNT)                                        \
    PANEL_TARGET __attribute__((noinline)) static void NAME(                                       \
        const struct halftone_panels *m, const uint8_t *panel, const struct panel_part *x,         \
        floats16 *sums) {                                                                          \
        floats16 total[COUNT];                                                                     \
        for (int t = 0; t < COUNT; t++) total[t] = (floats16){0};                                  \
        if (m->record_runs == 0) {                                                                 \
            panel_table_sums(m, panel, BITS, UNPACK, DIGITS, 1, COUNT, x, total);                  \
        } else {                                                                                   \
            panel_table_sums(m, panel, BITS, UNPACK, DIGITS, 0, COUNT, x, total);                  \
        }                                                                                          \
        for (int t = 0; t < COUNT; t++) sums[t] = total[t] * m->unit;                              \
    }

#define PANEL_UNPACK(BITS, DIGITS)                                                                 \
    PANEL_TARGET __attribute__((noinline)) static void panel_unpack_##BITS##_##DIGITS(             \
        const uint8_t *table, const uint8_t *codes, bytes64 *steps) {                              \
        panel_digits(table, codes, BITS, DIGITS, steps);                                           \
    }

/// A definition for each width of codes, and their names with the digits behind them.
#define PANEL_WIDTHS(DEFINE, DIGITS)                                                               \
    DEFINE(1, DIGITS)                                                                              \
    DEFINE(2, DIGITS)                                                                              \
    DEFINE(3, DIGITS)                                                                              \
    DEFINE(4, DIGITS)                                                                              \
    DEFINE(5, DIGITS)                                                                              \
    DEFINE(6, DIGITS)                                                                              \
    DEFINE(7, DIGITS)                                                                              \
    DEFINE(8, DIGITS)
#define PANEL_BY_WIDTH(NAME, DIGITS)                                                               \
    {NAME##_1_##DIGITS, NAME##_2_##DIGITS, NAME##_3_##DIGITS, NAME##_4_##DIGITS,                   \
     NAME##_5_##DIGITS, NAME##_6_##DIGITS, NAME##_7_##DIGITS, NAME##_8_##DIGITS}

#define PANEL_UNPACKS(DIGITS)                                                                      \
    PANEL_WIDTHS(PANEL_UNPACK, DIGITS)                                                             \
    static const panel_unpack panel_unpacks_##DIGITS[8] = PANEL_BY_WIDTH(panel_unpack, DIGITS);

PANEL_UNPACKS(1)
PANEL_UNPACKS(2)
PANEL_UNPACKS(3)

#define PANEL_SOME(DIGITS, COUNT)                                                                  \
    PANEL_TABLE_PASS(panel_some_##DIGITS##_##COUNT, 0, panel_unpacks_##DIGITS[m->bits - 1],        \
                     DIGITS, COUNT)
#define PANEL_LONE(BITS, DIGITS)                                                                   \
    PANEL_TABLE_PASS(panel_lone_##BITS##_##DIGITS, BITS, NULL, DIGITS, 1)

#if PANEL_LONE_WIDTHS
#define PANEL_LONES(DIGITS)                                                                        \
    PANEL_WIDTHS(PANEL_LONE, DIGITS)                                                               \
    static const panel_pass panel_lones_##DIGITS[8] = PANEL_BY_WIDTH(panel_lone, DIGITS);
PANEL_LONES(1)
PANEL_LONES(2)
PANEL_LONES(3)
#else
// The tables that there are most of; others go the way of several vectors.
PANEL_LONE(4, 1)
PANEL_SOME(1, 1)
PANEL_SOME(2, 1)
PANEL_SOME(3, 1)
#endif

#define PANEL_SOMES(DIGITS)                                                                        \
    PANEL_SOME(DIGITS, 2)                                                                          \
    PANEL_SOME(DIGITS, 4)
PANEL_SOMES(1)
PANEL_SOMES(2)
PANEL_SOMES(3)
#if PANEL_MOST == 16
#define PANEL_MANY(DIGITS)                                                                         \
    PANEL_SOME(DIGITS, 8)                                                                          \
    PANEL_SOME(DIGITS, 16)                                                                         \
    static const panel_pass panel_somes_##DIGITS[4] = {                                            \
        panel_some_##DIGITS##_2, panel_some_##DIGITS##_4, panel_some_##DIGITS##_8,                 \
        panel_some_##DIGITS##_16};
#else
#define PANEL_MANY(DIGITS)                                                                         \
    static const panel_pass panel_somes_##DIGITS[2] = {panel_some_##DIGITS##_2,                    \
                                                       panel_some_##DIGITS##_4};
#endif
PANEL_MANY(1)
PANEL_MANY(2)
PANEL_MANY(3)

/// What multiplies 2^power vectors by a matrix with a table.
static inline panel_pass panel_table_pass(const struct halftone_panels *m, int power) {
    static const panel_pass *const somes[3] = {panel_somes_1, panel_somes_2, panel_somes_3};
    if (power > 0) return somes[m->digits - 1][power - 1];
#if PANEL_LONE_WIDTHS
    static const panel_pass *const lones[3] = {panel_lones_1, panel_lones_2, panel_lones_3};
    return lones[m->digits - 1][m->bits - 1];
#else
    static const panel_pass lones[3] = {panel_some_1_1, panel_some_2_1, panel_some_3_1};
    return m->digits == 1 && m->bits == 4 ? panel_lone_4_1 : lones[m->digits - 1];
#endif
}
