// Matrix products.
#include "library.h"

int32_t halftone_dense_product(const struct halftone_dense_product *p, const float *first,
                               const float *second, float *result) {
    halftone_library();
    const int threads = halftone_enter_one_thread();
    const dnnl_status_t status =
        dnnl_sgemm(p->transposes_first ? 'T' : 'N', p->transposes_second ? 'T' : 'N', p->rows,
                   p->columns, p->depth, 1, first, p->first_stride, second, p->second_stride, 0,
                   result, p->result_stride);
    halftone_leave_one_thread(threads);
    return status != dnnl_success;
}
