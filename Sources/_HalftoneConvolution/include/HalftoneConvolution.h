// Convolutions and matrix products of float32 through oneDNN, versions 2 and 3, one thread per
// call.
//
// A plan holds what oneDNN prepared for one shape. Plans do not change after they were made, so
// that any number of threads can run one at a time each with their own memory.
#ifndef HALFTONE_CONVOLUTION_H
#define HALFTONE_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

/// Lengths of a convolution; pairs are vertical, horizontal.
struct halftone_convolution_shape {
    int32_t batch, groups, in_channels, out_channels;
    int32_t in[2], out[2], kernel[2], stride[2];
    int32_t dilation[2]; ///< 1: adjacent taps.
    int32_t before[2], after[2]; ///< Zeros around the input.
};

/// The three products of a convolution.
enum {
    HALFTONE_CONVOLUTION_FORWARD = 0,
    HALFTONE_CONVOLUTION_INPUT_GRADIENT = 1,
    HALFTONE_CONVOLUTION_WEIGHT_GRADIENT = 2
};

/// The three operands: input [batch, in_channels, in, in], weight [out_channels, in_channels /
/// groups, kernel, kernel], output [batch, out_channels, out, out]; the site decides which of them
/// is the result.
enum {
    HALFTONE_CONVOLUTION_INPUT = 0,
    HALFTONE_CONVOLUTION_WEIGHT = 1,
    HALFTONE_CONVOLUTION_OUTPUT = 2
};

/// How images lie for the caller and for the library.
enum {
    /// As in the shapes above for the caller; the library computes in a layout of its own choice.
    HALFTONE_CONVOLUTION_OWN_LAYOUT = 0,
    /// As in the shapes above for both.
    HALFTONE_CONVOLUTION_PLAIN = 1,
    /// [batch, rows, columns, channels] for both; weights as in the shapes above for the caller.
    HALFTONE_CONVOLUTION_CHANNELS_LAST = 2
};

struct halftone_convolution;

/// Prepares a product; NULL when the library cannot.
struct halftone_convolution *halftone_convolution_create(
    const struct halftone_convolution_shape *shape, int32_t site, int32_t has_bias,
    int32_t layout);

/// Whether the library has nothing better for a plan than its plain loops.
int32_t halftone_convolution_is_plain_loop(const struct halftone_convolution *plan);

void halftone_convolution_destroy(struct halftone_convolution *plan);

/// Bytes of an operand in the layout that the plan computes in, 0 when that is the plain one.
size_t halftone_convolution_packed_bytes(const struct halftone_convolution *plan, int32_t operand);

/// Bytes of scratch memory that each call of the functions below needs, aligned to 64.
size_t halftone_convolution_scratch_bytes(const struct halftone_convolution *plan);

/// Whether two plans compute with an operand in the same layout.
int32_t halftone_convolution_same_layout(const struct halftone_convolution *first,
                                         const struct halftone_convolution *second,
                                         int32_t operand);

/// Brings an operand into the layout of the plan; 0 when done.
int32_t halftone_convolution_pack(const struct halftone_convolution *plan, int32_t operand,
                                  const float *plain, float *packed, void *scratch);

/// Brings an operand out of the layout of the plan; 0 when done.
int32_t halftone_convolution_unpack(const struct halftone_convolution *plan, int32_t operand,
                                    const float *packed, float *plain, void *scratch);

/// Computes the product from operands in the plan's layout; 0 when done.
///
/// The operand that is the result is overwritten. With a bias, the forward product reads it and
/// the gradient of the weight writes its gradient; else it is NULL.
int32_t halftone_convolution_run(const struct halftone_convolution *plan, float *input,
                                 float *weight, float *bias, float *output, void *scratch);

/// [rows, depth] · [depth, columns], row after row; strides are floats from one row to the next.
struct halftone_dense_product {
    int64_t rows, columns, depth;
    int32_t transposes_first, transposes_second; ///< Stored [depth, rows], [columns, depth].
    int64_t first_stride, second_stride, result_stride;
};

/// Multiplies two matrices; what `result` held does not matter. 0 when done.
int32_t halftone_dense_product(const struct halftone_dense_product *product, const float *first,
                               const float *second, float *result);

#endif
