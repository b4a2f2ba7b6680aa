// oneDNN as the files here use it: one engine, both versions, one thread per call.
#ifndef HALFTONE_LIBRARY_H
#define HALFTONE_LIBRARY_H

#include "HalftoneConvolution.h"

#include <oneapi/dnnl/dnnl.h>

// Version 2 has memory descriptors as values, version 3 as handles.
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t descriptor;
typedef const_dnnl_memory_desc_t descriptor_view;
#define VIEW(d) (d)
#else
typedef dnnl_memory_desc_t descriptor;
typedef const dnnl_memory_desc_t *descriptor_view;
#define VIEW(d) (&(d))
#endif

/// What all calls share.
struct halftone_library {
    dnnl_engine_t engine; ///< NULL when the library does not start.
    dnnl_primitive_attr_t attributes; ///< Scratch memory is the caller's.
};

/// The library, started by the first call.
const struct halftone_library *halftone_library(void);

/// Makes the calling thread's OpenMP regions run on it alone; returns what to restore.
int halftone_enter_one_thread(void);
void halftone_leave_one_thread(int before);

/// Bytes of scratch memory that a primitive needs.
size_t halftone_scratch_of(const_dnnl_primitive_desc_t description);

struct operand {
    descriptor_view plain, packed;
    descriptor plain_storage;
    /// NULL when both layouts are the same.
    dnnl_primitive_t pack, unpack;
};

struct halftone_convolution {
    int32_t site;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t product;
    struct operand operands[3];
    descriptor bias_storage;
    descriptor_view bias;
    size_t scratch;
};

#endif
