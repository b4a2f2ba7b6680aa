// Plans: what oneDNN prepares for a convolution of one shape.
#include "library.h"

#include <stdlib.h>
#include <string.h>

static int describe(descriptor *result, int rank, const dnnl_dims_t lengths,
                    dnnl_format_tag_t layout) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_tag(result, rank, lengths, dnnl_f32, layout) ==
           dnnl_success;
#else
    return dnnl_memory_desc_init_by_tag(result, rank, lengths, dnnl_f32, layout) == dnnl_success;
#endif
}

static void forget(descriptor *value) {
#if DNNL_VERSION_MAJOR >= 3
    if (*value) dnnl_memory_desc_destroy(*value);
#else
    (void)value;
#endif
}

/// What a convolution looks like to the library.
struct description {
    descriptor input, weight, output;
    descriptor_view bias;
    dnnl_dims_t stride, dilation, before, after;
};

static int describe_product(dnnl_primitive_desc_t *result, const struct description *c,
                            int32_t site, dnnl_primitive_desc_t hint) {
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    const dnnl_engine_t engine = halftone_library()->engine;
    const dnnl_primitive_attr_t attributes = halftone_library()->attributes;
#if DNNL_VERSION_MAJOR >= 3
    switch (site) {
    case HALFTONE_CONVOLUTION_FORWARD:
        return dnnl_convolution_forward_primitive_desc_create(
                   result, engine, dnnl_forward_training, direct, c->input, c->weight, c->bias,
                   c->output, c->stride, c->dilation, c->before, c->after, attributes) ==
               dnnl_success;
    case HALFTONE_CONVOLUTION_INPUT_GRADIENT:
        return dnnl_convolution_backward_data_primitive_desc_create(
                   result, engine, direct, c->input, c->weight, c->output, c->stride, c->dilation,
                   c->before, c->after, hint, attributes) == dnnl_success;
    default:
        return dnnl_convolution_backward_weights_primitive_desc_create(
                   result, engine, direct, c->input, c->weight, c->bias, c->output, c->stride,
                   c->dilation, c->before, c->after, hint, attributes) == dnnl_success;
    }
#else
    dnnl_convolution_desc_t operation;
    dnnl_status_t status;
    switch (site) {
    case HALFTONE_CONVOLUTION_FORWARD:
        status = dnnl_dilated_convolution_forward_desc_init(
            &operation, dnnl_forward_training, direct, &c->input, &c->weight, c->bias, &c->output,
            c->stride, c->dilation, c->before, c->after);
        break;
    case HALFTONE_CONVOLUTION_INPUT_GRADIENT:
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &operation, direct, &c->input, &c->weight, &c->output, c->stride, c->dilation,
            c->before, c->after);
        break;
    default:
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &operation, direct, &c->input, &c->weight, c->bias, &c->output, c->stride, c->dilation,
            c->before, c->after);
    }
    return status == dnnl_success &&
           dnnl_primitive_desc_create(result, &operation, attributes, engine, hint) == dnnl_success;
#endif
}

static int make_reorder(dnnl_primitive_t *result, descriptor_view from, descriptor_view to,
                        size_t *scratch) {
    const dnnl_engine_t engine = halftone_library()->engine;
    dnnl_primitive_desc_t description = NULL;
    if (dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine,
                                           halftone_library()->attributes) != dnnl_success) {
        return 0;
    }
    int done = dnnl_primitive_create(result, description) == dnnl_success;
    size_t needed = halftone_scratch_of(description);
    if (needed > *scratch) *scratch = needed;
    dnnl_primitive_desc_destroy(description);
    return done;
}

static descriptor_view wanted_layout(const struct halftone_convolution *plan, int operand) {
    const int gradient_of_input = plan->site == HALFTONE_CONVOLUTION_INPUT_GRADIENT;
    const int gradient_of_weight = plan->site == HALFTONE_CONVOLUTION_WEIGHT_GRADIENT;
    dnnl_query_t query;
    switch (operand) {
    case HALFTONE_CONVOLUTION_INPUT:
        query = gradient_of_input ? dnnl_query_diff_src_md : dnnl_query_src_md;
        break;
    case HALFTONE_CONVOLUTION_WEIGHT:
        query = gradient_of_weight ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
        break;
    default:
        query = plan->site == HALFTONE_CONVOLUTION_FORWARD ? dnnl_query_dst_md
                                                           : dnnl_query_diff_dst_md;
    }
    return dnnl_primitive_desc_query_md(plan->description, query, 0);
}

static int prepare_operand(struct halftone_convolution *plan, int index) {
    struct operand *operand = &plan->operands[index];
    operand->plain = VIEW(operand->plain_storage);
    operand->packed = wanted_layout(plan, index);
    if (dnnl_memory_desc_equal(operand->plain, operand->packed)) return 1;
    return make_reorder(&operand->pack, operand->plain, operand->packed, &plan->scratch) &&
           make_reorder(&operand->unpack, operand->packed, operand->plain, &plan->scratch);
}

static int prepare(struct halftone_convolution *plan,
                   const struct halftone_convolution_shape *shape, int32_t has_bias,
                   int32_t layout) {
    const int plain = layout == HALFTONE_CONVOLUTION_PLAIN;
    const dnnl_format_tag_t outside =
        layout == HALFTONE_CONVOLUTION_CHANNELS_LAST ? dnnl_nhwc : dnnl_nchw;
    const dnnl_format_tag_t inside =
        layout == HALFTONE_CONVOLUTION_OWN_LAYOUT ? dnnl_format_tag_any : outside;
    const int grouped = shape->groups > 1;
    const dnnl_dims_t input = {shape->batch, shape->in_channels, shape->in[0], shape->in[1]};
    const dnnl_dims_t output = {shape->batch, shape->out_channels, shape->out[0], shape->out[1]};
    const dnnl_dims_t weight = {shape->out_channels, shape->in_channels, shape->kernel[0],
                                shape->kernel[1]};
    const dnnl_dims_t grouped_weight = {shape->groups, shape->out_channels / shape->groups,
                                        shape->in_channels / shape->groups, shape->kernel[0],
                                        shape->kernel[1]};
    const dnnl_dims_t bias = {shape->out_channels};
    const int64_t *weight_lengths = grouped ? grouped_weight : weight;
    const int weight_rank = grouped ? 5 : 4;

    struct operand *operands = plan->operands;
    if (!describe(&operands[0].plain_storage, 4, input, outside) ||
        !describe(&operands[1].plain_storage, weight_rank, weight_lengths,
                  grouped ? dnnl_goihw : dnnl_oihw) ||
        !describe(&operands[2].plain_storage, 4, output, outside) ||
        !describe(&plan->bias_storage, 1, bias, dnnl_x)) {
        return 0;
    }
    plan->bias = has_bias ? VIEW(plan->bias_storage) : NULL;

    struct description c = {.bias = plan->bias};
    for (int axis = 0; axis < 2; axis++) {
        c.stride[axis] = shape->stride[axis];
        c.dilation[axis] = shape->dilation[axis] - 1;
        c.before[axis] = shape->before[axis];
        c.after[axis] = shape->after[axis];
    }
    int done = describe(&c.input, 4, input, inside) &&
               describe(&c.weight, weight_rank, weight_lengths,
                        !plain ? dnnl_format_tag_any : grouped ? dnnl_goihw : dnnl_oihw) &&
               describe(&c.output, 4, output, inside);
    if (done && plan->site == HALFTONE_CONVOLUTION_FORWARD) {
        done = describe_product(&plan->description, &c, plan->site, NULL);
    } else if (done) {
        dnnl_primitive_desc_t hint = NULL;
        done = describe_product(&hint, &c, HALFTONE_CONVOLUTION_FORWARD, NULL) &&
               describe_product(&plan->description, &c, plan->site, hint);
        if (hint) dnnl_primitive_desc_destroy(hint);
    }
    forget(&c.input);
    forget(&c.weight);
    forget(&c.output);
    if (!done || dnnl_primitive_create(&plan->product, plan->description) != dnnl_success) return 0;
    plan->scratch = halftone_scratch_of(plan->description);
    return prepare_operand(plan, 0) && prepare_operand(plan, 1) && prepare_operand(plan, 2);
}

struct halftone_convolution *halftone_convolution_create(
    const struct halftone_convolution_shape *shape, int32_t site, int32_t has_bias,
    int32_t layout) {
    if (!halftone_library()->engine) return NULL;
    struct halftone_convolution *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->site = site;
    const int threads = halftone_enter_one_thread();
    const int done = prepare(plan, shape, has_bias, layout);
    halftone_leave_one_thread(threads);
    if (done) return plan;
    halftone_convolution_destroy(plan);
    return NULL;
}

void halftone_convolution_destroy(struct halftone_convolution *plan) {
    for (int index = 0; index < 3; index++) {
        struct operand *operand = &plan->operands[index];
        if (operand->pack) dnnl_primitive_destroy(operand->pack);
        if (operand->unpack) dnnl_primitive_destroy(operand->unpack);
        forget(&operand->plain_storage);
    }
    forget(&plan->bias_storage);
    if (plan->product) dnnl_primitive_destroy(plan->product);
    if (plan->description) dnnl_primitive_desc_destroy(plan->description);
    free(plan);
}

// --- Asking ------------------------------------------------------------------------------------

size_t halftone_convolution_packed_bytes(const struct halftone_convolution *plan, int32_t operand) {
    const struct operand *o = &plan->operands[operand];
    return o->pack ? dnnl_memory_desc_get_size(o->packed) : 0;
}

int32_t halftone_convolution_is_plain_loop(const struct halftone_convolution *plan) {
    const char *name = NULL;
    return dnnl_primitive_desc_query(plan->description, dnnl_query_impl_info_str, 0, &name) ==
               dnnl_success &&
           name && strncmp(name, "ref", 3) == 0;
}

size_t halftone_convolution_scratch_bytes(const struct halftone_convolution *plan) {
    return plan->scratch;
}

int32_t halftone_convolution_same_layout(const struct halftone_convolution *first,
                                         const struct halftone_convolution *second,
                                         int32_t operand) {
    return dnnl_memory_desc_equal(first->operands[operand].packed,
                                  second->operands[operand].packed);
}
