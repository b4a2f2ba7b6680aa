// Replaces the allocation functions of glibc by ones that count, as its manual allows
// ("Replacing malloc"). Memory still comes from glibc, so its `free` stays in place. Tests run
// beside each other, so only threads that asked for it are counted.
#include "AllocationCounter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__GLIBC__)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local int is_counted __attribute__((tls_model("initial-exec")));
static atomic_long allocations;

static void count_one(void) {
    if (is_counted) atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    count_one();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_one();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    count_one();
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_one();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    count_one();
    void *found = __libc_memalign(alignment, size);
    if (found == NULL) return ENOMEM;
    *block = found;
    return 0;
}

int halftone_allocations_are_counted(void) { return 1; }

void halftone_count_allocations(int counts) { is_counted = counts; }

long halftone_allocations(void) {
    return atomic_load_explicit(&allocations, memory_order_relaxed);
}

#else

int halftone_allocations_are_counted(void) { return 0; }

void halftone_count_allocations(int counts) { (void)counts; }

long halftone_allocations(void) { return 0; }

#endif
