// Attention by AVX-512.
#if defined(__x86_64__)
#include "attend_form.h"
#define ATTEND_TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")))
#define ATTEND_FORM halftone_attend_avx512
#include "attend.h"
#endif
