// Attention by what every processor has, and the choice of a form.
#include "attend_form.h"
#define ATTEND_TARGET
#define ATTEND_FORM halftone_attend_plain
#include "attend.h"

static const struct attend_form *attend_form(uint32_t features) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX512) return &halftone_attend_avx512;
    if (features & HALFTONE_CPU_AVX2_FMA) return &halftone_attend_avx2;
#else
    (void)features;
#endif
    return &halftone_attend_plain;
}

void halftone_attend_scores(uint32_t features, const float *query, const float *keys,
                            int64_t width, int64_t count, float scale, float *scores) {
    attend_form(features)->scores(query, keys, width, count, scale, scores);
}

void halftone_attend_mix(uint32_t features, float *scores, const float *values, int64_t width,
                         int64_t count, float *output) {
    attend_form(features)->mix(scores, values, width, count, output);
}

void halftone_softmax(uint32_t features, float *scores, int64_t count) {
    attend_form(features)->softmax(scores, count);
}

void halftone_gate_silu(uint32_t features, const float *gate, const float *up, int64_t count,
                        float *output) {
    attend_form(features)->silu(gate, up, count, output);
}
