// Keys and values of attention that are stored packed.
//
// A panel is sixteen outputs, its lanes, of a product with a vector: for keys sixteen tokens, the
// steps of the sum being channels; for values sixteen channels, the steps being tokens. Elements of
// a step lie side by side: as sixteen floats, float16 or bytes, or, with codes of 1 to 7 bits, in
// granules of sixteen steps that are planes of 4, 2 and 1 bits, in this order as far as the width
// has them: per lane 32-bit words with the fields of eight and of sixteen steps, and a 16-bit word
// with one bit of each step, the first step lowest.
#ifndef HALFTONE_CACHE_H
#define HALFTONE_CACHE_H

#include <stdint.h>

/// What elements are, where they are no codes of 1 to 8 bits.
enum { HALFTONE_CACHE_FLOAT16 = 16, HALFTONE_CACHE_FLOAT32 = 32 };

/// What scales are.
enum {
    HALFTONE_CACHE_NO_SCALES = 0,
    HALFTONE_CACHE_HALF_SCALES = 1,    ///< float16.
    HALFTONE_CACHE_EXPONENT_SCALES = 2 ///< A byte e: 2^(e - 127), and 0 for e = 0.
};

/// Panels one behind the other. A value is scale · (code - zero), or scale · code + minimum where
/// there are minima; code is `table[code]` where there is a table.
struct halftone_cache_panels {
    const uint8_t *codes;
    const float *table;    ///< 2^bits numbers, at least sixteen, or NULL.
    const uint8_t *scales; ///< See `per_step`.
    const uint8_t *minima; ///< float16, arranged as scales; or NULL.
    int64_t panel_bytes;   ///< From a panel's codes to the next one's.
    int64_t panel_groups;  ///< Groups of scales from a panel to the next; not for `per_step`.
    int64_t panels;
    int64_t ahead; ///< From these codes and scales to those that are read next, for the memory.
    int64_t group; ///< Steps that share scales: a multiple of sixteen; not for `per_step`.
    int32_t kind;  ///< Bits of a code, or one of the floats.
    int32_t scale_kind;
    int32_t per_step; ///< One scale for each step, or sixteen, one for each lane, for each group.
    float zero;
};

/// output[q][16 · panel + lane] += Σ x[q][step] · element[panel][step][lane], where scales are
/// those of lanes; with scales of steps elements are bare codes: see halftone_cache_fold.
///
/// With codes below 8 bits `steps` is a multiple of 16. Each output is summed step by step in each
/// group, whatever the number of queries and the instruction set.
void halftone_cache_multiply(uint32_t features, const struct halftone_cache_panels *panels,
                             const float *x, int64_t x_stride, int64_t queries, int64_t steps,
                             float *output, int64_t output_stride);

/// folded[q][step] = x[q][step] · scale[step], and constants[q] = what minima or zeros add to
/// every output, for scales of steps.
void halftone_cache_fold(uint32_t features, const struct halftone_cache_panels *panels,
                         const float *x, int64_t x_stride, int64_t queries, int64_t steps,
                         float *folded, int64_t folded_stride, float *constants);

/// output[step][16 · panel + lane] = the value.
void halftone_cache_decode(uint32_t features, const struct halftone_cache_panels *panels,
                           int64_t steps, float *output, int64_t output_stride);

#endif
