// Sixteen floats at a time as one value, which the compiler spells in whatever vectors the
// function's instruction set has. Products and sums are never fused, so that all give the same.
// Who has long chains of operations on each may define LANES_COUNT as 32 to have two in work.
#ifndef HALFTONE_LANES_H
#define HALFTONE_LANES_H

#include <stdint.h>
#include <string.h>

// Everything below is inlined, so that no call has vectors for arguments.
#pragma clang diagnostic ignored "-Wpsabi"

#pragma clang fp contract(off)

#define LANES_INLINE __attribute__((always_inline)) static inline

#ifndef LANES_COUNT
#define LANES_COUNT 16
#endif

enum { LANES = LANES_COUNT };

typedef float lanes __attribute__((ext_vector_type(LANES_COUNT)));
typedef float lanes_anywhere __attribute__((ext_vector_type(LANES_COUNT), aligned(4), may_alias));
typedef int32_t lane_bits __attribute__((ext_vector_type(LANES_COUNT)));
typedef double wide_lanes __attribute__((ext_vector_type(LANES_COUNT)));

/// The first `count` floats, zeros behind them.
LANES_INLINE lanes load_lanes(const float *address, int count) {
    if (count == LANES) return *(const lanes_anywhere *)address;
    lanes value = 0;
    memcpy(&value, address, (size_t)count * sizeof(float));
    return value;
}

LANES_INLINE void store_lanes(lanes value, float *address, int count) {
    if (count == LANES) {
        *(lanes_anywhere *)address = value;
    } else {
        memcpy(address, &value, (size_t)count * sizeof(float));
    }
}

/// The value where the mask has ones, 0 elsewhere.
LANES_INLINE lanes keep_lanes(lanes value, lane_bits mask) {
    return (lanes)((lane_bits)value & mask);
}

/// Adds to doubles in memory.
LANES_INLINE void add_wide(wide_lanes value, double *address, int count) {
    for (int lane = 0; lane < count; lane++) address[lane] += value[lane];
}

// One body, compiled for each instruction set: defines NAME(features, …) from NAME_body(…).
#if defined(__x86_64__)
#define LANES_FORMS(name, parameters, arguments)                                                   \
    __attribute__((target("avx2"))) static void name##_avx2 parameters { name##_body arguments; }  \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) static void       \
        name##_avx512 parameters {                                                                 \
        name##_body arguments;                                                                     \
    }                                                                                              \
    static void name##_plain parameters { name##_body arguments; }
#define LANES_CALL(name, arguments)                                                                \
    do {                                                                                           \
        if (features & HALFTONE_CPU_AVX512) {                                                      \
            name##_avx512 arguments;                                                               \
        } else if (features & HALFTONE_CPU_AVX2_FMA) {                                             \
            name##_avx2 arguments;                                                                 \
        } else {                                                                                   \
            name##_plain arguments;                                                                \
        }                                                                                          \
    } while (0)
#else
#define LANES_FORMS(name, parameters, arguments)                                                   \
    static void name##_plain parameters { name##_body arguments; }
#define LANES_CALL(name, arguments)                                                                \
    do {                                                                                           \
        (void)features;                                                                            \
        name##_plain arguments;                                                                    \
    } while (0)
#endif

#endif
