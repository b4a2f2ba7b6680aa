// Attention of several queries over the keys of one head. Each sum is added up in the order of the
// attention of one query, so that both give the same bits.
#include "HalftoneShims.h"
#include "lanes.h"

/// Queries that meet a vector of keys at once.
enum { BLOCK_QUERIES = 4 };

/// Sixteen keys, `[width][16]`, and COUNT queries.
LANES_INLINE void sixteen_scores(const float *query, int64_t stride, const int COUNT,
                                 const float *keys, int64_t width, float scale, float *scores,
                                 int64_t score_stride) {
    // One query alone has sixteen partial sums, which meet in pairs 8, 4, 2 and 1 apart. Here they
    // come one after another, in the order in which each finds its partner waiting.
    static const int order[LANES] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
    lanes waiting[5][BLOCK_QUERIES];
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i++) {
        lanes sum[BLOCK_QUERIES] = {0};
        for (int64_t d = order[i]; d < width; d += LANES) {
            const lanes key = load_lanes(keys + d * LANES, LANES);
            for (int q = 0; q < COUNT; q++) sum[q] += key * query[q * stride + d];
        }
        int level = 0;
        for (; i >> level & 1; level++) {
            for (int q = 0; q < COUNT; q++) sum[q] = waiting[level][q] + sum[q];
        }
        for (int q = 0; q < COUNT; q++) waiting[level][q] = sum[q];
    }
    for (int q = 0; q < COUNT; q++) {
        store_lanes(waiting[4][q] * scale, scores + q * score_stride, LANES);
    }
}

/// COUNT queries and the tiles that the last of them sees something of.
LANES_INLINE void some_scores(const struct halftone_attend_block *b, int64_t q, const int COUNT,
                              const float *keys, int64_t tiles, int64_t visible, float scale) {
    const int64_t seen = (visible + q + COUNT - 1 + LANES - 1) / LANES;
    for (int64_t tile = 0; tile < (seen < tiles ? seen : tiles); tile++) {
        sixteen_scores(b->queries + q * b->query_stride, b->query_stride, COUNT,
                       keys + tile * LANES * b->width, b->width, scale,
                       b->scores + q * b->score_stride + tile * LANES, b->score_stride);
    }
}

LANES_INLINE void block_scores_body(const struct halftone_attend_block *b, const float *keys,
                                    int64_t tiles, int64_t visible, float scale) {
    int64_t q = 0;
    for (; q + BLOCK_QUERIES <= b->count; q += BLOCK_QUERIES) {
        some_scores(b, q, BLOCK_QUERIES, keys, tiles, visible, scale);
    }
    for (; q < b->count; q++) some_scores(b, q, 1, keys, tiles, visible, scale);
}

LANES_FORMS(block_scores,
            (const struct halftone_attend_block *b, const float *keys, int64_t tiles,
             int64_t visible, float scale),
            (b, keys, tiles, visible, scale))

void halftone_attend_block_scores(uint32_t features, const struct halftone_attend_block *b,
                                  const float *keys, int64_t tiles, int64_t visible,
                                  float scale) {
    LANES_CALL(block_scores, (b, keys, tiles, visible, scale));
}

/// VECTORS · 16 columns of the values of COUNT queries.
LANES_INLINE void mix_columns(const struct halftone_attend_block *b, int64_t q, const int COUNT,
                              const int VECTORS, const float *values, int64_t keys,
                              int64_t column, int32_t adds) {
    const float *weights = b->scores + q * b->score_stride;
    lanes sum[BLOCK_QUERIES][4] = {0};
    const int part = b->width - column < LANES ? (int)(b->width - column) : LANES;
    for (int k = 0; adds && k < COUNT; k++) {
        const float *from = b->output + (q + k) * b->output_stride + column;
        for (int j = 0; j < VECTORS; j++) {
            sum[k][j] = load_lanes(from + j * LANES, VECTORS > 1 ? LANES : part);
        }
    }
    for (int64_t i = 0; i < keys; i++) {
        const float *value = values + i * b->width + column;
        lanes v[4];
        for (int j = 0; j < VECTORS; j++) {
            v[j] = load_lanes(value + j * LANES, VECTORS > 1 ? LANES : part);
        }
        for (int k = 0; k < COUNT; k++) {
            for (int j = 0; j < VECTORS; j++) sum[k][j] += v[j] * weights[k * b->score_stride + i];
        }
    }
    for (int k = 0; k < COUNT; k++) {
        float *to = b->output + (q + k) * b->output_stride + column;
        for (int j = 0; j < VECTORS; j++) {
            store_lanes(sum[k][j], to + j * LANES, VECTORS > 1 ? LANES : part);
        }
    }
}

/// COUNT queries and the keys that the last of them sees.
LANES_INLINE void some_mixed(const struct halftone_attend_block *b, int64_t q, const int COUNT,
                             const float *values, int64_t keys, int64_t visible, int32_t adds) {
    const int64_t seen = visible + q + COUNT - 1;
    if (seen < keys) keys = seen;
    int64_t column = 0;
    for (; column + 4 * LANES <= b->width; column += 4 * LANES) {
        mix_columns(b, q, COUNT, 4, values, keys, column, adds);
    }
    for (; column < b->width; column += LANES) {
        mix_columns(b, q, COUNT, 1, values, keys, column, adds);
    }
}

LANES_INLINE void block_mix_body(const struct halftone_attend_block *b, const float *values,
                                 int64_t keys, int64_t visible, int32_t adds) {
    int64_t q = 0;
    for (; q + BLOCK_QUERIES <= b->count; q += BLOCK_QUERIES) {
        some_mixed(b, q, BLOCK_QUERIES, values, keys, visible, adds);
    }
    for (; q < b->count; q++) some_mixed(b, q, 1, values, keys, visible, adds);
}

LANES_FORMS(block_mix,
            (const struct halftone_attend_block *b, const float *values, int64_t keys,
             int64_t visible, int32_t adds),
            (b, values, keys, visible, adds))

void halftone_attend_block_mix(uint32_t features, const struct halftone_attend_block *b,
                               const float *values, int64_t keys, int64_t visible, int32_t adds) {
    LANES_CALL(block_mix, (b, values, keys, visible, adds));
}
