// Codes of 1 to 8 bits, one after another from the least significant bit on, and what a table and
// a scale make of them.
#include "HalftoneShims.h"
#include <string.h>

/// Eight codes are whole bytes.
__attribute__((always_inline)) static inline void unpack_eights(const int bits,
                                                                const uint8_t *from, int64_t count,
                                                                uint8_t *codes) {
    for (int64_t i = 0; i + 8 <= count; i += 8, from += bits, codes += 8) {
        uint64_t word = 0;
        memcpy(&word, from, bits);
        for (int j = 0; j < 8; j++) codes[j] = (uint8_t)(word >> (bits * j)) & ((1 << bits) - 1);
    }
}

static uint8_t code_at(int32_t bits, const uint8_t *codes, int64_t index) {
    int64_t byte = index * bits / 8;
    int shift = (int)(index * bits % 8);
    unsigned wide = codes[byte];
    if (shift + bits > 8) wide |= (unsigned)codes[byte + 1] << 8;
    return (uint8_t)(wide >> shift & ((1u << bits) - 1));
}

void halftone_lookup_codes(int32_t bits, int32_t high_first, const uint8_t *packed, int64_t first,
                           int64_t count, uint8_t *codes) {
    if (high_first) {
        for (int64_t i = 0; i < count; i++) codes[i] = code_at(4, packed, (first + i) ^ 1);
        return;
    }
    int64_t i = 0;
    for (; i < count && (first + i) * bits % 8; i++) codes[i] = code_at(bits, packed, first + i);
    const uint8_t *from = packed + (first + i) * bits / 8;
    int64_t rest = (count - i) / 8 * 8;
    switch (bits) {
    case 1: unpack_eights(1, from, rest, codes + i); break;
    case 2: unpack_eights(2, from, rest, codes + i); break;
    case 3: unpack_eights(3, from, rest, codes + i); break;
    case 4: unpack_eights(4, from, rest, codes + i); break;
    case 5: unpack_eights(5, from, rest, codes + i); break;
    case 6: unpack_eights(6, from, rest, codes + i); break;
    case 7: unpack_eights(7, from, rest, codes + i); break;
    default: memcpy(codes + i, from, rest); break;
    }
    for (i += rest; i < count; i++) codes[i] = code_at(bits, packed, first + i);
}

static void decode_plain(int32_t bits, int32_t high_first, const uint8_t *packed,
                         const struct halftone_lookup *l) {
    uint8_t codes[512];
    int64_t first = l->first, count = l->count, rest = l->lead;
    const float *scale = l->scales;
    float *output = l->output;
    while (count > 0) {
        int64_t part = count < 512 ? count : 512;
        halftone_lookup_codes(bits, high_first, packed, first, part, codes);
        for (int64_t i = 0; i < part;) {
            int64_t end = rest < part - i ? i + rest : part;
            rest -= end - i;
            for (; i < end; i++) output[i] = l->table[codes[i]] * *scale;
            if (rest == 0) {
                rest = l->group;
                scale++;
            }
        }
        first += part;
        count -= part;
        output += part;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define LOOKUP_TARGET                                                                              \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512vl,avx512bw,avx512dq,avx512vbmi")))

/// Sixteen values of a table of 2^bits, 6 at most.
LOOKUP_TARGET __attribute__((always_inline)) static inline __m512
sixteen_values(const float *table, const int bits, __m512i codes) {
    __mmask16 some = (__mmask16)((1u << (bits < 4 ? 1 << bits : 16)) - 1);
    __m512 first = _mm512_maskz_loadu_ps(some, table);
    if (bits <= 4) return _mm512_permutexvar_ps(codes, first);
    __m512 low = _mm512_permutex2var_ps(first, codes, _mm512_loadu_ps(table + 16));
    if (bits == 5) return low;
    __m512 high = _mm512_permutex2var_ps(_mm512_loadu_ps(table + 32), codes,
                                         _mm512_loadu_ps(table + 48));
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(codes, _mm512_set1_epi32(32)), low, high);
}

/// A row, in runs of up to 64 codes of equal scale.
LOOKUP_TARGET __attribute__((always_inline)) static inline void
decode_runs(const int bits, int32_t high_first, const uint8_t *packed,
            const struct halftone_lookup *l) {
    // Byte q of eight goes to each word of eight codes, of which `bits` bytes are used.
    uint8_t spread[64], shifts[64];
    for (int i = 0; i < 64; i++) {
        int byte = i / 8 * bits + i % 8;
        spread[i] = (uint8_t)(byte < 64 ? byte : 63);
        shifts[i] = (uint8_t)(bits * (high_first ? i % 8 ^ 1 : i % 8));
    }
    const __m512i places = _mm512_loadu_si512(spread), moves = _mm512_loadu_si512(shifts);
    const __m512i mask = _mm512_set1_epi8((char)((1 << bits) - 1));
    int64_t at = l->first, count = l->count, rest = l->lead;
    const float *scale = l->scales;
    float *output = l->output;
    while (count > 0) {
        int64_t part = rest < count ? rest : count;
        if (part > 64) part = 64;
        if (at * bits % 8 || (high_first && at % 2)) {
            // Up to where codes begin with a byte.
            uint8_t code;
            halftone_lookup_codes(bits, high_first, packed, at, 1, &code);
            *output = l->table[code] * *scale;
            part = 1;
        } else {
            const __m512 factor = _mm512_set1_ps(*scale);
            int64_t bytes = (part * bits + 7) / 8;
            __mmask64 some = bytes == 64 ? ~0ull : (1ull << bytes) - 1;
            __m512i codes = _mm512_maskz_loadu_epi8(some, packed + at * bits / 8);
            codes = _mm512_multishift_epi64_epi8(moves, _mm512_permutexvar_epi8(places, codes));
            codes = _mm512_and_si512(codes, mask);
            __m128i sixteen[4];
            memcpy(sixteen, &codes, 64);
            for (int i = 0; 16 * i < part; i++) {
                __m512 values = _mm512_mul_ps(
                    sixteen_values(l->table, bits, _mm512_cvtepu8_epi32(sixteen[i])), factor);
                int64_t left = part - 16 * i;
                if (left >= 16) {
                    _mm512_storeu_ps(output + 16 * i, values);
                } else {
                    _mm512_mask_storeu_ps(output + 16 * i, (__mmask16)((1u << left) - 1), values);
                }
            }
        }
        at += part;
        count -= part;
        rest -= part;
        output += part;
        if (rest == 0) {
            rest = l->group;
            scale++;
        }
    }
}

LOOKUP_TARGET static void decode_vbmi(int32_t bits, int32_t high_first, const uint8_t *packed,
                                      const struct halftone_lookup *l) {
    switch (bits) {
    case 1: decode_runs(1, 0, packed, l); break;
    case 2: decode_runs(2, 0, packed, l); break;
    case 3: decode_runs(3, 0, packed, l); break;
    case 4: decode_runs(4, high_first, packed, l); break;
    case 5: decode_runs(5, 0, packed, l); break;
    case 6: decode_runs(6, 0, packed, l); break;
    default: decode_plain(bits, 0, packed, l); break; // Loads are quicker than a gather.
    }
}
#endif

void halftone_lookup_decode(uint32_t features, int32_t bits, int32_t high_first,
                            const uint8_t *packed, const struct halftone_lookup *row) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX512 && features & HALFTONE_CPU_AVX512_VBMI) {
        return decode_vbmi(bits, high_first, packed, row);
    }
#endif
    (void)features;
    decode_plain(bits, high_first, packed, row);
}
