// Sweeps with all kernels of this processor: sweeps [STEP]. Prints a digest of each sweep's results,
// which is to be the same everywhere; what went on goes to standard error.
#include "HalftoneShims.h"
#include "KernelSweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    const int64_t step = count > 1 ? atoll(arguments[1]) : 1;
    const uint32_t all = halftone_cpu_features();
    // Each instruction set with those below it.
    uint32_t sets[8] = {0}, number = 1;
    for (int bit = 0; bit < 32; bit++) {
        if (all >> bit & 1) sets[number++] = all & ((2u << bit) - 1);
    }
    int status = 0;
    for (int kind = 0; kind < SWEEP_KINDS; kind++) {
        uint64_t plain = 0;
        for (uint32_t i = 0; i < number; i++) {
            struct sweep_result found = sweep_run(kind, sets[i], step);
            if (i == 0) plain = found.bits;
            fprintf(stderr, "%-15s features %2" PRIu32 ": %" PRId64 " shapes, %" PRId64 " wrong",
                    sweep_name(kind), sets[i], found.shapes, found.failures);
            if (found.failures) {
                fprintf(stderr, ", first %" PRId64 " x %" PRId64 " x %" PRId64, found.first[0],
                        found.first[1], found.first[2]);
            }
            if (found.bits != plain) fprintf(stderr, ", other bits than the plain form");
            fprintf(stderr, "\n");
            if (found.failures || found.bits != plain) status = 1;
        }
        printf("%s: %016" PRIx64 "\n", sweep_name(kind), plain);
    }
    return status;
}
