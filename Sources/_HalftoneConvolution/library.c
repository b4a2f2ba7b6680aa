#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>

static struct halftone_library library;
static int (*openmp_threads)(void);
static void (*openmp_set_threads)(int);

static void start(void) {
    // The OpenMP runtime is the one that oneDNN brought; a build without OpenMP has none.
    *(void **)&openmp_threads = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&openmp_set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (dnnl_engine_create(&library.engine, dnnl_cpu, 0) != dnnl_success) library.engine = NULL;
    if (dnnl_primitive_attr_create(&library.attributes) != dnnl_success ||
        dnnl_primitive_attr_set_scratchpad_mode(library.attributes,
                                                dnnl_scratchpad_mode_user) != dnnl_success) {
        library.engine = NULL;
    }
}

const struct halftone_library *halftone_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    return &library;
}

int halftone_enter_one_thread(void) {
    int before = openmp_threads ? openmp_threads() : 1;
    if (before != 1 && openmp_set_threads) openmp_set_threads(1);
    return before;
}

void halftone_leave_one_thread(int before) {
    if (before != 1 && openmp_set_threads) openmp_set_threads(before);
}

size_t halftone_scratch_of(const_dnnl_primitive_desc_t description) {
    descriptor_view view =
        dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    return view ? dnnl_memory_desc_get_size(view) : 0;
}
