// Panels: matrices of packed codes in the order that products with signed bytes read them.
//
// A panel is 16 rows. Along the rows it is cut into runs of 32 columns, and some runs into records
// that share scales: a record is its scales, its offsets if there are any, and its runs, one behind
// the other, so that a product reads a panel from its first to its last byte. A record has one
// group of the size of its runs, or is one run with two groups, its halves. Scales and offsets are
// [group][row]. Where they are bytes that multiply outer scales, a number of records has a header
// of outer scales, and outer offsets, of float16 [row] before it.
//
// A run takes 64 · bits bytes. It is 8 steps of 4 columns; a step's 64 codes are in the order
// [row][column], so that a vector of 64 bytes holds 4 neighbours of each row. The bits of a code
// lie in planes, the most significant first, as in PackedCodes:
//
//   plane    bytes   where step s = 0 … 7 is
//   8 bits   512     bytes 64 · s …
//   4 bits   256     bytes 64 · (s mod 4) …, bits 4 · (s / 4) and the three above
//   2 bits   128     bytes 64 · (s mod 2) …, bits 2 · (s / 2) and the one above
//   1 bit     64     bytes 0 …, bit s
//
// An element is scale · (code − zero) + offset. With a table of 1 to 3 digits to the base 256 it is
// scale · unit · Σ 256^d · (table[d][code] − 128).
#ifndef HALFTONE_PANELS_H
#define HALFTONE_PANELS_H

#include <stdint.h>

/// How the scales or offsets of groups are stored.
enum {
    HALFTONE_PANEL_NONE,     ///< There are none.
    HALFTONE_PANEL_FLOAT16,  ///< IEEE binary16.
    HALFTONE_PANEL_BFLOAT16, ///< The upper half of a float.
    HALFTONE_PANEL_FLOAT32,  ///< Floats.
    HALFTONE_PANEL_UINT8,    ///< Unsigned bytes that multiply an outer float16.
    HALFTONE_PANEL_INT8,     ///< Signed bytes that multiply an outer float16.
    HALFTONE_PANEL_E8M0,     ///< Bytes that are exponents: 2^(byte − 127); no NaN.
    HALFTONE_PANEL_E4M3,     ///< Bytes that are floats of 4 exponent bits, times scale_unit; no NaN.
    HALFTONE_PANEL_UE3M5,    ///< Bytes that are unsigned floats of 3 exponent bits, times scale_unit.
    HALFTONE_PANEL_ZEROS8,   ///< Offsets: unsigned zero points, offset = −scale · zero.
    HALFTONE_PANEL_FACTOR,   ///< Offsets: offset = factor · scale, without memory.
    HALFTONE_PANEL_ZEROS4,   ///< As ZEROS8 in 8 bytes: byte i has row i's low, row i + 8's high.
    HALFTONE_PANEL_ZEROS2    ///< As ZEROS8 in 4 bytes: byte i has rows i, i + 4, i + 8, i + 12,
                             ///< two bits each, the lowest first.
};

/// A matrix in panels; nothing needs alignment, 64 bytes are best.
struct halftone_panels {
    const uint8_t *bytes;
    int64_t panel_bytes;
    int64_t rows;            ///< Rows of the last panel behind it hold anything.
    int64_t runs;            ///< ceil(columns / 32); codes behind the last column hold anything.
    int64_t record_runs;     ///< Runs of a record, fewer in the last; 0: one run, two groups.
    int64_t header_records;  ///< Records behind a header; 0: there are no headers.
    int32_t bits;            ///< 1 to 8.
    int32_t zero;
    int32_t scales, offsets; ///< How they are stored.
    float factor;            ///< Of offsets that are multiples of scales.
    float scale_unit;        ///< What a scale of 1 is worth that is an E4M3 or UE3M5 float.
    int32_t digits;          ///< Of the table's values, 1 to 3; 0: there is no table.
    float unit;              ///< What 1 is worth in the table.
    const uint8_t *table;    ///< [digit][code] plus 128, least digit first; 64 entries or more to
                             ///< a digit, which repeat the codes. Such matrices have no offsets.
};

/// Bytes of a panel.
int64_t halftone_panel_bytes(const struct halftone_panels *m);

/// Vectors of signed bytes with a scale for each run of 32.
///
/// They lie in tiles of `lanes` vectors: run r of vector t has place
/// (t / lanes · runs + r) · lanes + t mod lanes, so that what meets a run of a panel lies together.
struct halftone_panel_vectors {
    int64_t first, count; ///< Which of the vectors that there is memory for.
    int64_t runs;         ///< Of each vector.
    int64_t lanes;        ///< 16, or 1.
    int8_t *values;       ///< [place][32], −127 to 127; zeros behind the last column.
    float *scales;        ///< [place], the largest magnitude of a run / 127.
    int32_t *sums;        ///< [place / lanes][2][lanes], of the bytes of each half run.
};

/// Where a run of a vector is.
static inline int64_t halftone_panel_place(const struct halftone_panel_vectors *x, int64_t vector,
                                           int64_t run) {
    return (vector / x->lanes * x->runs + run) * x->lanes + vector % x->lanes;
}

/// Rounds `columns` finite floats of each vector, `stride` apart, into the runs from `run` on.
void halftone_panel_quantize(uint32_t features, const float *x, int64_t columns, int64_t stride,
                             const struct halftone_panel_vectors *to, int64_t run);

/// Where products go: row r of vector t at values[t · stride + r].
struct halftone_panel_output {
    float *values;
    int64_t stride;
    const float *bias; ///< NULL, or what is added to each row.
    int32_t adds;      ///< Whether the products are added to what is there.
};

/// Σ m[r][c] · x[t][c] for the rows r of panels first ..< last and all vectors t.
/// The sum of a row and vector does not depend on what else is asked for.
void halftone_panel_product(uint32_t features, const struct halftone_panels *m, int64_t first,
                            int64_t last, const struct halftone_panel_vectors *x,
                            const struct halftone_panel_output *output);

/// Decodes one row of a panel to `columns` floats: scale · (code − zero) + offset in that order,
/// and scale · (code − zero point) where offsets are zero points. The definition.
void halftone_panel_decode_row(const struct halftone_panels *m, int64_t row, int64_t columns,
                               float *output);

/// Decodes `count` rows from `row` on to `[count][columns]`, bit for bit as the definition.
void halftone_panel_decode_rows(uint32_t features, const struct halftone_panels *m, int64_t row,
                                int64_t count, int64_t columns, float *output);

/// Multiplies `count` rows from `row` on with a vector of `columns` floats, whose runs of 16 sum
/// to `sums_of_16`.
void halftone_panel_dot_rows(uint32_t features, const struct halftone_panels *m, int64_t row,
                             int64_t count, int64_t columns, const float *input,
                             const float *sums_of_16, float *output);

/// Packs the codes `[16][32 · runs]` of a panel.
void halftone_panel_pack(uint32_t features, const struct halftone_panels *m, const uint8_t *codes,
                         uint8_t *panel);

/// Writes the bits of the scale of a group of a row.
void halftone_panel_put_scale(const struct halftone_panels *m, uint8_t *panel, int64_t group,
                              int64_t row, uint32_t bits);

/// Writes the scales of a row of a panel, which its storage holds as they are, and its offsets:
/// those of zero points `zeros`, or none for NULL. Group g of the panel is group g · group_size /
/// own_size of the arguments.
void halftone_panel_put_row(const struct halftone_panels *m, uint8_t *panel, int64_t row,
                            const float *scales, const float *zeros, int64_t groups,
                            int64_t group_size, int64_t own_size);

/// Copies a row, codes and scales, to lane `lane` of a zeroed panel of the same geometry.
void halftone_panel_copy_row(const struct halftone_panels *m, int64_t row, uint8_t *panel,
                             int64_t lane);

/// The smallest storage that holds all of some scales as they are.
int32_t halftone_panel_scale_storage(const float *scales, int64_t count);

/// Takes rows of packed codes (PackedCodes) apart: `[32 · runs]` bytes for each.
void halftone_panel_unpack_row(int32_t bits, const uint8_t *packed, int64_t runs, uint8_t *codes);

/// Writes the scales and offsets of a row of GGUF blocks into a panel, and its codes to row `row`
/// of `[16][32 · runs]`. Returns 0, having written nothing, for types without panels.
int32_t halftone_panel_fill_blocks(int32_t type, int64_t block_size, int64_t block_bytes,
                                   const uint8_t *from, int64_t blocks, int64_t row,
                                   const struct halftone_panels *m, uint8_t *panel,
                                   uint8_t *codes);

#endif
