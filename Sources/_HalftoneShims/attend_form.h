// The functions of attend.h for one instruction set.
#ifndef HALFTONE_ATTEND_FORM_H
#define HALFTONE_ATTEND_FORM_H
#include <stdint.h>

struct attend_form {
    void (*scores)(const float *, const float *, int64_t, int64_t, float, float *);
    void (*mix)(float *, const float *, int64_t, int64_t, float *);
    void (*softmax)(float *, int64_t);
    void (*silu)(const float *, const float *, int64_t, float *);
};

extern const struct attend_form halftone_attend_plain, halftone_attend_avx2, halftone_attend_avx512;

#endif
