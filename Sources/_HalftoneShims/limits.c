// What a processor can do at most: products of bytes in registers, and reading memory.
#include "HalftoneShims.h"

#if defined(__x86_64__)
#include <immintrin.h>

/// Products under way at once, enough to hide how long one takes.
enum { UNDER_WAY = 16 };

__attribute__((target("avx512f,avx512vnni"))) static int64_t dots_vnni(int64_t rounds) {
    __m512i sums[UNDER_WAY], x = _mm512_set1_epi8(1), y = _mm512_set1_epi8(2);
    for (int i = 0; i < UNDER_WAY; i++) sums[i] = _mm512_setzero_si512();
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < UNDER_WAY; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], x, y);
        __asm__ volatile("" : "+v"(x), "+v"(y));
    }
    for (int i = 1; i < UNDER_WAY; i++) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
    __asm__ volatile("" : : "v"(sums[0]));
    return rounds * UNDER_WAY * 128;
}

__attribute__((target("avx2"))) static int64_t dots_avx2(int64_t rounds) {
    __m256i sums[UNDER_WAY / 2], x = _mm256_set1_epi8(1), y = _mm256_set1_epi8(2);
    __m256i ones = _mm256_set1_epi16(1);
    for (int i = 0; i < UNDER_WAY / 2; i++) sums[i] = _mm256_setzero_si256();
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < UNDER_WAY / 2; i++) {
            __m256i pairs = _mm256_maddubs_epi16(x, y);
            __asm__ volatile("" : "+x"(pairs));
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
        }
        __asm__ volatile("" : "+x"(x), "+x"(y));
    }
    for (int i = 1; i < UNDER_WAY / 2; i++) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    __asm__ volatile("" : : "x"(sums[0]));
    return rounds * (UNDER_WAY / 2) * 64;
}
#endif

int64_t halftone_byte_products(uint32_t features, int64_t rounds) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX512_VNNI) return dots_vnni(rounds);
    if (features & HALFTONE_CPU_AVX2_FMA) return dots_avx2(rounds);
#endif
    (void)features;
    (void)rounds;
    return 0;
}

uint64_t halftone_read_memory(const uint8_t *bytes, int64_t count) {
    typedef uint64_t lanes __attribute__((vector_size(64), aligned(1)));
    lanes sums[4] = {{0}, {0}, {0}, {0}};
    int64_t index = 0;
    for (; index + 256 <= count; index += 256) {
        for (int i = 0; i < 4; i++) sums[i] += *(const lanes *)(bytes + index + 64 * i);
    }
    lanes all = sums[0] + sums[1] + sums[2] + sums[3];
    uint64_t total = 0;
    for (int i = 0; i < 8; i++) total += all[i];
    return total;
}
