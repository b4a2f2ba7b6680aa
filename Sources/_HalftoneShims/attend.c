// Attention of one query over the keys of one head. Nothing is fused, so that every instruction set
// gives the same bits.
#include "HalftoneShims.h"
#include "lanes.h"

LANES_INLINE float sum_of_lanes(lanes x) {
    float parts[LANES];
    memcpy(parts, &x, sizeof parts);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int lane = 0; lane < width; lane++) parts[lane] += parts[lane + width];
    }
    return parts[0];
}

LANES_INLINE void scores_body(const float *query, const float *keys, int64_t width, int64_t count,
                              float scale, float *scores) {
    for (int64_t i = 0; i < count; i++, keys += width) {
        lanes sum = 0;
        int64_t d = 0;
        for (; d + LANES <= width; d += LANES) {
            sum += load_lanes(query + d, LANES) * load_lanes(keys + d, LANES);
        }
        if (d < width) {
            sum += load_lanes(query + d, (int)(width - d)) * load_lanes(keys + d, (int)(width - d));
        }
        scores[i] = sum_of_lanes(sum) * scale;
    }
}

LANES_FORMS(scores,
            (const float *query, const float *keys, int64_t width, int64_t count, float scale,
             float *scores),
            (query, keys, width, count, scale, scores))

void halftone_attend_scores(uint32_t features, const float *query, const float *keys,
                            int64_t width, int64_t count, float scale, float *scores) {
    LANES_CALL(scores, (query, keys, width, count, scale, scores));
}

/// Columns of the values that are summed in registers.
enum { MIXED_LANES = 4 };

LANES_INLINE void mix_body(const float *weights, const float *values, int64_t width,
                           int64_t count, float *output) {
    int64_t start = 0;
    for (; start + MIXED_LANES * LANES <= width; start += MIXED_LANES * LANES) {
        lanes sum[MIXED_LANES] = {0};
        const float *value = values + start;
        for (int64_t i = 0; i < count; i++, value += width) {
            for (int j = 0; j < MIXED_LANES; j++) {
                sum[j] += load_lanes(value + j * LANES, LANES) * weights[i];
            }
        }
        for (int j = 0; j < MIXED_LANES; j++) {
            store_lanes(sum[j], output + start + j * LANES, LANES);
        }
    }
    for (; start < width; start += LANES) {
        const int part = width - start < LANES ? (int)(width - start) : LANES;
        lanes sum = 0;
        for (int64_t i = 0; i < count; i++) {
            sum += load_lanes(values + i * width + start, part) * weights[i];
        }
        store_lanes(sum, output + start, part);
    }
}

LANES_FORMS(mix,
            (const float *weights, const float *values, int64_t width, int64_t count,
             float *output),
            (weights, values, width, count, output))

void halftone_attend_mix(uint32_t features, const float *weights, const float *values,
                         int64_t width, int64_t count, float *output) {
    LANES_CALL(mix, (weights, values, width, count, output));
}
