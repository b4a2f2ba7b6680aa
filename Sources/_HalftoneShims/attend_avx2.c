// Attention by AVX2.
#if defined(__x86_64__)
#include "attend_form.h"
#define ATTEND_TARGET __attribute__((target("avx2,fma")))
#define ATTEND_FORM halftone_attend_avx2
#include "attend.h"
#endif
