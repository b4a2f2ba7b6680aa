// Transposes in squares of eight, in registers.
#include "HalftoneShims.h"

typedef float eight __attribute__((ext_vector_type(8)));
typedef float eight_anywhere __attribute__((ext_vector_type(8), aligned(4), may_alias));

#define TRANSPOSE_INLINE __attribute__((always_inline)) static inline

TRANSPOSE_INLINE void transpose_square(const float *x, int64_t stride, float *output,
                                       int64_t output_stride) {
    eight a[8], b[8];
    for (int row = 0; row < 8; row++) a[row] = *(const eight_anywhere *)(x + row * stride);
    // Pairs of elements, then of pairs, then of fours change places.
    for (int row = 0; row < 8; row += 2) {
        b[row] = __builtin_shufflevector(a[row], a[row + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[row + 1] = __builtin_shufflevector(a[row], a[row + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int row = 0; row < 8; row += 4) {
        for (int i = row; i < row + 2; i++) {
            a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        *(eight_anywhere *)(output + i * output_stride) =
            __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(eight_anywhere *)(output + (i + 4) * output_stride) =
            __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

TRANSPOSE_INLINE void transpose_rest(const float *x, int64_t stride, int64_t rows, int64_t columns,
                                     float *output, int64_t output_stride) {
    for (int64_t column = 0; column < columns; column++) {
        for (int64_t row = 0; row < rows; row++) {
            output[column * output_stride + row] = x[row * stride + column];
        }
    }
}

TRANSPOSE_INLINE void transpose_body(const float *x, int64_t stride, int64_t rows,
                                     int64_t columns, float *output, int64_t output_stride) {
    // Sixteen columns by eight: a line of the cache of the source is used up at once.
    const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
    for (int64_t row = 0; row < whole_rows; row += 16) {
        const int64_t end = row + 16 < whole_rows ? row + 16 : whole_rows;
        for (int64_t column = 0; column < whole_columns; column += 8) {
            for (int64_t part = row; part < end; part += 8) {
                transpose_square(x + part * stride + column, stride,
                                 output + column * output_stride + part, output_stride);
            }
        }
        transpose_rest(x + row * stride + whole_columns, stride, end - row,
                       columns - whole_columns, output + whole_columns * output_stride + row,
                       output_stride);
    }
    transpose_rest(x + whole_rows * stride, stride, rows - whole_rows, columns,
                   output + whole_rows, output_stride);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void transpose_avx2(const float *x, int64_t stride,
                                                           int64_t rows, int64_t columns,
                                                           float *output, int64_t output_stride) {
    transpose_body(x, stride, rows, columns, output, output_stride);
}
#endif

void halftone_transpose(uint32_t features, const float *x, int64_t row_stride, int64_t rows,
                        int64_t columns, float *output, int64_t output_stride) {
#if defined(__x86_64__)
    if (features & HALFTONE_CPU_AVX2_FMA) {
        transpose_avx2(x, row_stride, rows, columns, output, output_stride);
        return;
    }
#endif
    (void)features;
    transpose_body(x, row_stride, rows, columns, output, output_stride);
}
