// Between panels and rows. The functions are written once and compiled for several instruction
// sets; all forms compute the same.
#ifndef HALFTONE_PANEL_ROWS_H
#define HALFTONE_PANEL_ROWS_H

#include "panel_types.h"

#define PANEL_ROWS __attribute__((always_inline)) static inline

#if defined(__x86_64__)
#define PANEL_ROWS_512 "avx2,fma,f16c,avx512f,avx512vl,avx512bw,avx512dq"
/// The forms of a function, named after it.
#define PANEL_ROWS_FORMS(name, parameters, arguments)                                              \
    __attribute__((target(PANEL_ROWS_512))) static void name##_avx512 parameters {                 \
        name arguments;                                                                            \
    }                                                                                              \
    __attribute__((target("avx2,fma,f16c"))) static void name##_avx2 parameters {                  \
        name arguments;                                                                            \
    }                                                                                              \
    static void name##_plain parameters { name arguments; }
#define PANEL_ROWS_CHOOSE(features, name)                                                          \
    ((features)&HALFTONE_CPU_AVX512      ? name##_avx512                                           \
     : (features)&HALFTONE_CPU_AVX2_FMA ? name##_avx2                                              \
                                        : name##_plain)
#else
#define PANEL_ROWS_FORMS(name, parameters, arguments)                                              \
    static void name##_plain parameters { name arguments; }
#define PANEL_ROWS_CHOOSE(features, name) ((void)(features), name##_plain)
#endif

/// Turns four vectors of 16 numbers in each of their quarters; its own inverse.
///
/// Quarter q of vector k is four steps of row 4 · q + k on one side, and the numbers of rows
/// 4 · q … for step k on the other.
PANEL_ROWS void panel_transpose(ints16 x[4]) {
#define PANEL_PAIRS(a, b, i, j)                                                                    \
    __builtin_shufflevector(a, b, i, 16 + i, j, 16 + j, 4 + i, 20 + i, 4 + j, 20 + j, 8 + i,       \
                            24 + i, 8 + j, 24 + j, 12 + i, 28 + i, 12 + j, 28 + j)
#define PANEL_HALF(a, b, i)                                                                        \
    __builtin_shufflevector(a, b, i, i + 1, 16 + i, 17 + i, 4 + i, 5 + i, 20 + i, 21 + i, 8 + i,   \
                            9 + i, 24 + i, 25 + i, 12 + i, 13 + i, 28 + i, 29 + i)
    ints16 low01 = PANEL_PAIRS(x[0], x[1], 0, 1), high01 = PANEL_PAIRS(x[0], x[1], 2, 3);
    ints16 low23 = PANEL_PAIRS(x[2], x[3], 0, 1), high23 = PANEL_PAIRS(x[2], x[3], 2, 3);
    x[0] = PANEL_HALF(low01, low23, 0);
    x[1] = PANEL_HALF(low01, low23, 2);
    x[2] = PANEL_HALF(high01, high23, 0);
    x[3] = PANEL_HALF(high01, high23, 2);
#undef PANEL_PAIRS
#undef PANEL_HALF
}

/// The codes of the eight steps of a run.
PANEL_ROWS void panel_steps(const uint8_t *run, const int32_t bits, bytes64 steps[8]) {
    for (int step = 0; step < 8; step++) steps[step] = (bytes64){0};
    for (int width = 8; width > 0; width /= 2) {
        if (!(bits & width)) continue;
        uint8_t mask = (uint8_t)((1u << width) - 1);
        for (int step = 0; step < 8; step++) {
            words32 plane = *(const words32 *)(run + 64 * (step % width));
            bytes64 field = (bytes64)(plane >> (uint16_t)(step / width * width % 8)) & mask;
            // Codes of fewer than eight bits do not reach the next byte.
            steps[step] = (bytes64)((words32)steps[step] << (uint16_t)(width % 8)) | field;
        }
        run += 64 * width;
    }
}

#endif
