// Products of packed codes with signed bytes by AVX-512 VNNI on 256-bit registers.
#define INT8_TARGET "avx2,fma,avx512f,avx512vl,avx512bw,avx512vnni"
#define INT8_DOT(codes, input) _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, input)
#define INT8_FUNCTION halftone_packed_dot_int8_vnni
#include "packed_dot_int8.h"
