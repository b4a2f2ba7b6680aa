// Products with packed keys and values, and their decoding. Included once per instruction set, with
//   CACHE_NAME(name)      the name of a function,
//   CACHE_MOST            queries that share what is decoded: 1 or 4,
//   CACHE_TARGET          the attribute of functions,
//   CACHE_HALVES(at)      sixteen float16 as floats,
//   CACHE_LOOKUP(t, c)    the elements of a table of sixteen floats at the codes c,
//   CACHE_PERMUTES        1 where CACHE_LOOKUP heeds the low four bits of a code alone, and is faster
//                         than a mask and a conversion.

#define CACHE_INLINE CACHE_TARGET __attribute__((always_inline)) static inline

CACHE_INLINE lanes CACHE_NAME(get)(const float *at, int count) {
    lanes value = 0;
    memcpy(&value, at, count == LANES ? sizeof value : (size_t)count * sizeof(float));
    return value;
}

CACHE_INLINE void CACHE_NAME(put)(lanes value, float *at) { memcpy(at, &value, sizeof value); }

CACHE_INLINE float CACHE_NAME(total)(lanes x) {
    cache_eight eight = x.lo + x.hi;
    cache_four four = eight.lo + eight.hi;
    cache_two two = four.lo + four.hi;
    return two.x + two.y;
}

/// Has bytes read into the second-level cache that are needed a page later: a page is too short
/// for the processor to see a stream in each of its parts.
CACHE_INLINE void CACHE_NAME(ahead)(const uint8_t *at, int64_t distance, int64_t count) {
    if (!distance) return;
    for (int64_t line = 0; line < count; line += 64) {
        __builtin_prefetch(at + distance + line, 0, 2);
    }
}

/// Sixteen scales or minima.
CACHE_INLINE lanes CACHE_NAME(scales)(const int32_t kind, const uint8_t *at) {
    if (kind == HALFTONE_CACHE_EXPONENT_SCALES) {
        cache_bytes bytes;
        memcpy(&bytes, at, sizeof bytes);
        return (lanes)(__builtin_convertvector(bytes, lane_bits) << 23);
    }
    return CACHE_HALVES(at);
}

/// The planes of half a granule: eight steps.
struct CACHE_NAME(half) {
    lane_words four, two, one;
};

CACHE_INLINE void CACHE_NAME(load)(const int bits, const uint8_t *granule, int64_t half,
                                   struct CACHE_NAME(half) * planes) {
    if (bits & 4) {
        memcpy(&planes->four, granule + half * 64, 64);
        granule += 128;
    }
    if (bits & 2) {
        memcpy(&planes->two, granule, 64);
        planes->two >>= (uint32_t)half * 16;
        granule += 64;
    }
    if (bits & 1) {
        cache_halves words;
        memcpy(&words, granule, sizeof words);
        planes->one = __builtin_convertvector(words, lane_words) >> (uint32_t)half * 8;
    }
}

/// The codes of a step of half a granule.
CACHE_INLINE lane_bits CACHE_NAME(codes)(const int bits, const struct CACHE_NAME(half) * planes,
                                         const uint8_t *bytes, const int step) {
    lane_words code = {0};
    if (bits == 8) {
        cache_bytes sixteen;
        memcpy(&sixteen, bytes + 16 * step, sizeof sixteen);
        code = __builtin_convertvector(sixteen, lane_words);
    }
    if (bits & 4) code = planes->four >> (uint32_t)(step * 4) & 15;
    if (bits & 2) code |= (planes->two >> (uint32_t)(step * 2) & 3) << (bits & 4);
    if (bits & 1) code |= (planes->one >> (uint32_t)step & 1) << (bits & 6);
    return (lane_bits)code;
}

/// What a table has for codes.
CACHE_INLINE lanes CACHE_NAME(lookup)(const int bits, const float *table, lane_bits codes) {
    if (bits <= 4) return CACHE_LOOKUP(table, codes);
    lanes value;
    for (int lane = 0; lane < LANES; lane++) value[lane] = table[codes[lane]];
    return value;
}

/// Codes that are numbers, of a step of half a granule, as floats.
CACHE_INLINE lanes CACHE_NAME(numbers)(const int bits, const struct CACHE_NAME(half) * planes,
                                       const uint8_t *bytes, const int step) {
    if (CACHE_PERMUTES && bits == 4) {
        return CACHE_LOOKUP(cache_numbers_4, (lane_bits)(planes->four >> (uint32_t)(step * 4)));
    }
    if (CACHE_PERMUTES && bits == 2) {
        return CACHE_LOOKUP(cache_numbers_2, (lane_bits)(planes->two >> (uint32_t)(step * 2)));
    }
    return __builtin_convertvector(CACHE_NAME(codes)(bits, planes, bytes, step), lanes);
}

/// Sums the products of some steps of a panel.
CACHE_INLINE void CACHE_NAME(sum)(const int kind, const float *table, const int queries,
                                  const uint8_t *codes, const float *x, int64_t x_stride,
                                  int64_t steps, lanes *sums) {
    if (kind > 8) {
        for (int64_t step = 0; step < steps; step++) {
            lanes value = kind == HALFTONE_CACHE_FLOAT16
                              ? CACHE_HALVES(codes + 32 * step)
                              : CACHE_NAME(get)((const float *)(codes + 64 * step), LANES);
            for (int q = 0; q < queries; q++) {
                sums[q] = cache_fused(value, (lanes)x[q * x_stride + step], sums[q]);
            }
        }
        return;
    }
    for (int64_t first = 0; first < steps; first += 8) {
        const uint8_t *granule = codes + (first & ~(int64_t)15) * 2 * kind;
        const uint8_t *bytes = codes + first * 16;
        struct CACHE_NAME(half) planes;
        CACHE_NAME(load)(kind & 7, granule, first / 8 & 1, &planes);
        if (table) {
            lane_bits eight[8];
#pragma clang loop unroll(full)
            for (int step = 0; step < 8; step++) {
                eight[step] = CACHE_NAME(codes)(kind, &planes, bytes, step);
            }
#pragma clang loop unroll(disable)
            for (int step = 0; step < 8; step++) {
                lanes value = CACHE_NAME(lookup)(kind, table, eight[step]);
                for (int q = 0; q < queries; q++) {
                    sums[q] = cache_fused(value, (lanes)x[q * x_stride + first + step], sums[q]);
                }
            }
            continue;
        }
#pragma clang loop unroll(full)
        for (int step = 0; step < 8; step++) {
            lanes value = CACHE_NAME(numbers)(kind, &planes, bytes, step);
            for (int q = 0; q < queries; q++) {
                sums[q] = cache_fused(value, (lanes)x[q * x_stride + first + step], sums[q]);
            }
        }
    }
}

CACHE_INLINE void CACHE_NAME(panels)(const struct halftone_cache_panels *p, const int kind,
                                     const float *table, const int queries, const float *x,
                                     int64_t x_stride, int64_t steps, float *output,
                                     int64_t output_stride) {
    const int scaled = !p->per_step && p->scale_kind != HALFTONE_CACHE_NO_SCALES;
    const int64_t group = scaled ? p->group : steps;
    const int64_t groups = scaled ? (steps + group - 1) / group : 1;
    const int shifted = scaled && (p->minima || p->zero != 0);
    const int64_t size = p->scale_kind == HALFTONE_CACHE_EXPONENT_SCALES ? LANES : 2 * LANES;
    // What minima are multiplied by: the sums of x over groups.
    float totals[CACHE_MOST * CACHE_GROUPS];
    for (int q = 0; shifted && q < queries; q++) {
        for (int64_t g = 0; g < groups; g++) {
            int64_t end = (g + 1) * group < steps ? (g + 1) * group : steps;
            lanes sum = 0;
            for (int64_t s = g * group; s < end; s += LANES) {
                int count = end - s < LANES ? (int)(end - s) : LANES;
                sum += CACHE_NAME(get)(x + q * x_stride + s, count);
            }
            totals[q * CACHE_GROUPS + g] = CACHE_NAME(total)(sum);
        }
    }
    for (int64_t panel = 0; panel < p->panels; panel++) {
        const uint8_t *codes = p->codes + panel * p->panel_bytes;
        CACHE_NAME(ahead)(codes, p->ahead, steps * 2 * kind);
        lanes outputs[CACHE_MOST];
        for (int q = 0; q < queries; q++) {
            outputs[q] = CACHE_NAME(get)(output + q * output_stride + panel * LANES, LANES);
        }
        for (int64_t g = 0; g < groups; g++) {
            int64_t first = g * group;
            int64_t count = steps - first < group ? steps - first : group;
            lanes sums[CACHE_MOST] = {0};
            CACHE_NAME(sum)(kind, table, queries, codes + first * 2 * kind, x + first, x_stride,
                            count, sums);
            if (!scaled) {
                for (int q = 0; q < queries; q++) outputs[q] += sums[q];
                continue;
            }
            int64_t place = panel * p->panel_groups + g;
            CACHE_NAME(ahead)(p->scales + place * size, p->ahead, size);
            if (p->minima) CACHE_NAME(ahead)(p->minima + place * 2 * LANES, p->ahead, 2 * LANES);
            lanes scale = CACHE_NAME(scales)(p->scale_kind, p->scales + place * size);
            for (int q = 0; q < queries; q++) {
                outputs[q] = cache_fused(scale, sums[q], outputs[q]);
            }
            if (!shifted) continue;
            lanes shift = p->minima ? CACHE_HALVES(p->minima + place * 2 * LANES)
                                    : scale * -p->zero;
            for (int q = 0; q < queries; q++) {
                outputs[q] = cache_fused(shift, (lanes)totals[q * CACHE_GROUPS + g], outputs[q]);
            }
        }
        for (int q = 0; q < queries; q++) {
            CACHE_NAME(put)(outputs[q], output + q * output_stride + panel * LANES);
        }
    }
}

// One function for each kind, with and without a table, and for each number of queries.
#define CACHE_COUNT(kind, table, count)                                                            \
    if (queries == count) {                                                                        \
        CACHE_NAME(panels)(p, kind, table, count, x, x_stride, steps, output, output_stride);      \
    }
#if CACHE_MOST > 1
#define CACHE_COUNTS(kind, table)                                                                  \
    CACHE_COUNT(kind, table, 2) CACHE_COUNT(kind, table, 3) CACHE_COUNT(kind, table, 4)
#else
#define CACHE_COUNTS(kind, table)
#endif
#define CACHE_PANELS(kind, suffix, table)                                                          \
    CACHE_TARGET static void CACHE_NAME(panels_##kind##suffix)(                                    \
        const struct halftone_cache_panels *p, int64_t queries, const float *x, int64_t x_stride,  \
        int64_t steps, float *output, int64_t output_stride) {                                     \
        CACHE_COUNT(kind, table, 1)                                                                \
        CACHE_COUNTS(kind, table)                                                                  \
    }
#define CACHE_CODES(kind) CACHE_PANELS(kind, _codes, NULL) CACHE_PANELS(kind, _table, p->table)
CACHE_CODES(1)
CACHE_CODES(2)
CACHE_CODES(3)
CACHE_CODES(4)
CACHE_CODES(5)
CACHE_CODES(6)
CACHE_CODES(7)
CACHE_CODES(8)
CACHE_PANELS(16, _codes, NULL)
CACHE_PANELS(32, _codes, NULL)

CACHE_TARGET static void CACHE_NAME(multiply)(const struct halftone_cache_panels *p,
                                              const float *x, int64_t x_stride, int64_t queries,
                                              int64_t steps, float *output,
                                              int64_t output_stride) {
#define CACHE_CASE(kind)                                                                           \
    case kind: panels = p->table ? CACHE_NAME(panels_##kind##_table)                               \
                                 : CACHE_NAME(panels_##kind##_codes); break;
    cache_panels_function *panels = CACHE_NAME(panels_32_codes);
    switch (p->kind) {
        CACHE_CASE(1)
        CACHE_CASE(2)
        CACHE_CASE(3)
        CACHE_CASE(4)
        CACHE_CASE(5)
        CACHE_CASE(6)
        CACHE_CASE(7)
        CACHE_CASE(8)
    case HALFTONE_CACHE_FLOAT16: panels = CACHE_NAME(panels_16_codes); break;
    default: break;
    }
#undef CACHE_CASE
    for (int64_t q = 0; q < queries; q += CACHE_MOST) {
        int64_t count = queries - q < CACHE_MOST ? queries - q : CACHE_MOST;
        panels(p, count, x + q * x_stride, x_stride, steps, output + q * output_stride,
               output_stride);
    }
}

CACHE_TARGET static void CACHE_NAME(fold)(const struct halftone_cache_panels *p, const float *x,
                                          int64_t x_stride, int64_t queries, int64_t steps,
                                          float *folded, int64_t folded_stride,
                                          float *constants) {
    const int64_t size = p->scale_kind == HALFTONE_CACHE_EXPONENT_SCALES ? 1 : 2;
    CACHE_NAME(ahead)(p->scales, p->ahead, steps * size);
    if (p->minima) CACHE_NAME(ahead)(p->minima, p->ahead, steps * 2);
    for (int64_t first = 0; first < queries; first += CACHE_MOST) {
        const int64_t end = first + CACHE_MOST < queries ? first + CACHE_MOST : queries;
        lanes totals[CACHE_MOST] = {0};
        for (int64_t s = 0; s < steps; s += LANES) {
            lanes scale = CACHE_NAME(scales)(p->scale_kind, p->scales + s * size);
            lanes shift = p->minima ? CACHE_HALVES(p->minima + s * 2) : scale * -p->zero;
            for (int64_t q = first; q < end; q++) {
                const float *at = x + q * x_stride + s;
                // Beyond the steps x is 0, and so is what it is multiplied by.
                lanes value = steps - s < LANES ? CACHE_NAME(get)(at, (int)(steps - s))
                                                : CACHE_NAME(get)(at, LANES);
                CACHE_NAME(put)(value * scale, folded + q * folded_stride + s);
                totals[q - first] = cache_fused(value, shift, totals[q - first]);
            }
        }
        for (int64_t q = first; q < end; q++) {
            constants[q] = CACHE_NAME(total)(totals[q - first]);
        }
    }
}

/// The codes of sixteen steps of a panel.
CACHE_TARGET static void CACHE_NAME(sixteen)(const int bits, const uint8_t *granule,
                                             lane_bits *codes) {
    for (int half = 0; half < 2; half++) {
        struct CACHE_NAME(half) planes;
        CACHE_NAME(load)(bits & 7, granule, half, &planes);
        for (int step = 0; step < 8; step++) {
            codes[half * 8 + step] =
                CACHE_NAME(codes)(bits, &planes, granule + half * 128, step);
        }
    }
}

CACHE_TARGET static void CACHE_NAME(decode)(const struct halftone_cache_panels *p, int64_t steps,
                                            float *output, int64_t output_stride) {
    const int64_t size = p->scale_kind == HALFTONE_CACHE_EXPONENT_SCALES ? 1 : 2;
    for (int64_t panel = 0; panel < p->panels; panel++) {
        const uint8_t *panel_codes = p->codes + panel * p->panel_bytes;
        float *to = output + panel * LANES;
        if (p->kind > 8) {
            for (int64_t step = 0; step < steps; step++) {
                const uint8_t *at = panel_codes + step * 2 * p->kind;
                lanes value = p->kind == HALFTONE_CACHE_FLOAT16
                                  ? CACHE_HALVES(at)
                                  : CACHE_NAME(get)((const float *)at, LANES);
                CACHE_NAME(put)(value, to + step * output_stride);
            }
            continue;
        }
        for (int64_t first = 0; first < steps; first += 16) {
            int count = steps - first < 16 ? (int)(steps - first) : 16;
            lane_bits codes[16];
            CACHE_NAME(sixteen)(p->kind, panel_codes + first * 2 * p->kind, codes);
            int64_t place = p->per_step
                                ? first
                                : (panel * p->panel_groups + first / p->group) * LANES;
            lanes scale = CACHE_NAME(scales)(p->scale_kind, p->scales + place * size);
            lanes shift = p->minima ? CACHE_HALVES(p->minima + place * 2) : scale * -p->zero;
            for (int step = 0; step < count; step++) {
                lanes value = p->table ? CACHE_NAME(lookup)(8, p->table, codes[step])
                                       : __builtin_convertvector(codes[step], lanes);
                value = p->per_step ? value * scale[step] + shift[step] : value * scale + shift;
                CACHE_NAME(put)(value, to + (first + step) * output_stride);
            }
        }
    }
}

#undef CACHE_CODES
#undef CACHE_PANELS
#undef CACHE_COUNTS
#undef CACHE_COUNT
#undef CACHE_INLINE
