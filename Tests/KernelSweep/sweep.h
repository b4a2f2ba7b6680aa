// What the sweeps share: reproducible values, memory with a fence behind it, and the record.
#ifndef SWEEP_H
#define SWEEP_H

#include "HalftoneShims.h"
#include "KernelSweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma clang fp contract(off)

/// SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
struct sweep_random {
    uint64_t state;
};

static inline uint64_t sweep_next(struct sweep_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/// A number from `low` to `high`, both included.
static inline int64_t sweep_integer(struct sweep_random *random, int64_t low, int64_t high) {
    return low + (int64_t)(sweep_next(random) % (uint64_t)(high - low + 1));
}

/// A multiple of 2^-23 in [-1, 1).
static inline float sweep_float(struct sweep_random *random) {
    return (float)((int64_t)(sweep_next(random) >> 40) - (1 << 23)) * 0x1p-23f;
}

static inline void sweep_floats(struct sweep_random *random, float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) values[i] = sweep_float(random);
}

/// Memory that ends where reading and writing fault, `capacity` bytes of it.
struct sweep_memory {
    char *end;
    int64_t capacity;
};

struct sweep_memory sweep_memory_of(int64_t capacity);

/// The last `bytes` bytes, so that one step further is beyond the fence.
static inline void *sweep_take(struct sweep_memory memory, int64_t bytes) {
    if (bytes > memory.capacity) abort();
    return memory.end - bytes;
}

/// Keeps what a shape gave.
void sweep_record(struct sweep_result *result, int is_right, int64_t a, int64_t b, int64_t c);

/// Adds to the digest.
void sweep_digest(struct sweep_result *result, const void *bytes, int64_t count);

/// The size after `size`.
static inline int64_t sweep_after(int64_t size, int64_t step) {
    return size < 66 ? size + 1 : size + step;
}

typedef void sweep(struct sweep_result *result, uint32_t features, int64_t step);
sweep sweep_panel_rows, sweep_panel_columns, sweep_panel_vectors, sweep_panel_triples,
    sweep_rounding, sweep_attention, sweep_elements, sweep_norm, sweep_moves;

#endif
