// Running what a plan prepared.
#include "library.h"

struct argument {
    int kind;
    descriptor_view layout;
    void *memory;
};

/// Runs a primitive on memory, leaving out arguments without a layout; 0 when done.
static int32_t execute(const_dnnl_primitive_t primitive, const struct argument *arguments,
                       int count) {
    const dnnl_engine_t engine = halftone_library()->engine;
    dnnl_exec_arg_t bound[8];
    int used = 0, failed = 0;
    const int threads = halftone_enter_one_thread();
    for (int index = 0; index < count && !failed; index++) {
        if (!arguments[index].layout) continue;
        bound[used].arg = arguments[index].kind;
        failed = dnnl_memory_create(&bound[used].memory, arguments[index].layout, engine,
                                    arguments[index].memory) != dnnl_success;
        if (!failed) used++;
    }
    dnnl_stream_t stream = NULL;
    failed = failed ||
             dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success;
    failed = failed || dnnl_primitive_execute(primitive, stream, used, bound) != dnnl_success;
    failed = failed || dnnl_stream_wait(stream) != dnnl_success;
    if (stream) dnnl_stream_destroy(stream);
    for (int index = 0; index < used; index++) dnnl_memory_destroy(bound[index].memory);
    halftone_leave_one_thread(threads);
    return failed;
}

static descriptor_view scratch_layout(const_dnnl_primitive_t primitive) {
    const_dnnl_primitive_desc_t description = NULL;
    if (dnnl_primitive_get_primitive_desc(primitive, &description) != dnnl_success) return NULL;
    return halftone_scratch_of(description) == 0
               ? NULL
               : dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
}

static int32_t reorder(const_dnnl_primitive_t primitive, descriptor_view from, const float *input,
                       descriptor_view to, float *output, void *scratch) {
    const struct argument arguments[] = {
        {DNNL_ARG_FROM, from, (void *)input},
        {DNNL_ARG_TO, to, output},
        {DNNL_ARG_SCRATCHPAD, scratch_layout(primitive), scratch},
    };
    return execute(primitive, arguments, 3);
}

int32_t halftone_convolution_pack(const struct halftone_convolution *plan, int32_t operand,
                                  const float *plain, float *packed, void *scratch) {
    const struct operand *o = &plan->operands[operand];
    if (!o->pack) return 1;
    return reorder(o->pack, o->plain, plain, o->packed, packed, scratch);
}

int32_t halftone_convolution_unpack(const struct halftone_convolution *plan, int32_t operand,
                                    const float *packed, float *plain, void *scratch) {
    const struct operand *o = &plan->operands[operand];
    if (!o->unpack) return 1;
    return reorder(o->unpack, o->packed, packed, o->plain, plain, scratch);
}

int32_t halftone_convolution_run(const struct halftone_convolution *plan, float *input,
                                 float *weight, float *bias, float *output, void *scratch) {
    const int forward = plan->site == HALFTONE_CONVOLUTION_FORWARD;
    const int input_gradient = plan->site == HALFTONE_CONVOLUTION_INPUT_GRADIENT;
    const int weight_gradient = plan->site == HALFTONE_CONVOLUTION_WEIGHT_GRADIENT;
    const struct operand *o = plan->operands;
    const struct argument arguments[] = {
        {input_gradient ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, o[0].packed, input},
        {weight_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, o[1].packed, weight},
        {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, o[2].packed, output},
        {weight_gradient ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS,
         input_gradient ? NULL : plan->bias, bias},
        {DNNL_ARG_SCRATCHPAD, scratch_layout(plan->product), scratch},
    };
    return execute(plan->product, arguments, 5);
}
