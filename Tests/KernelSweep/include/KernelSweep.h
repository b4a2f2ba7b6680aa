// Holds the kernels in C to their definitions over all sizes. Written in C, so that it runs where
// there is no Swift yet: under an emulator of another processor.
#ifndef KERNEL_SWEEP_H
#define KERNEL_SWEEP_H

#include <stdint.h>

/// The largest size of a dimension; each is swept from 1 on with the others small and random.
enum { SWEEP_LARGEST = 1100 };

/// What is swept.
enum {
    SWEEP_PANEL_ROWS,     ///< Products of panels, each number of rows.
    SWEEP_PANEL_COLUMNS,  ///< Each number of columns.
    SWEEP_PANEL_VECTORS,  ///< Each number of vectors.
    SWEEP_PANEL_TRIPLES,  ///< Random triples of all three.
    SWEEP_ROUNDING,       ///< Vectors rounded to bytes, and codes.
    SWEEP_ATTENTION,      ///< Scores and mixtures: widths, then numbers of keys.
    SWEEP_ELEMENTS,       ///< Functions of elements, sums of exponentials, maxima.
    SWEEP_NORM,           ///< Batch norm: numbers of rows, then of channels.
    SWEEP_MOVES,          ///< Transposition, and the largest of windows.
    SWEEP_KINDS           ///< How many there are.
};

/// What a sweep found.
struct sweep_result {
    int64_t shapes;   ///< How many were tried.
    int64_t failures; ///< How many gave a wrong number.
    int64_t first[3]; ///< The first of those.
    uint64_t bits;    ///< A digest of all results: the same on every processor.
};

/// The name of a sweep.
const char *sweep_name(int32_t kind);

/// Sweeps with the kernels for `features` of halftone_cpu_features(). Sizes above 66 go up by
/// `step`: 1 leaves none out.
struct sweep_result sweep_run(int32_t kind, uint32_t features, int64_t step);

#endif
