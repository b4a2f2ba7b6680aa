#include "sweep.h"

#include <sys/mman.h>
#include <unistd.h>

static const struct {
    const char *name;
    sweep *run;
} sweeps[SWEEP_KINDS] = {
    [SWEEP_PANEL_ROWS] = {"panels, rows", sweep_panel_rows},
    [SWEEP_PANEL_COLUMNS] = {"panels, columns", sweep_panel_columns},
    [SWEEP_PANEL_VECTORS] = {"panels, vectors", sweep_panel_vectors},
    [SWEEP_PANEL_TRIPLES] = {"panels, triples", sweep_panel_triples},
    [SWEEP_ROUNDING] = {"rounding", sweep_rounding},
    [SWEEP_ATTENTION] = {"attention", sweep_attention},
    [SWEEP_ELEMENTS] = {"elements", sweep_elements},
    [SWEEP_NORM] = {"batch norm", sweep_norm},
    [SWEEP_MOVES] = {"moves", sweep_moves},
};

const char *sweep_name(int32_t kind) { return sweeps[kind].name; }

struct sweep_result sweep_run(int32_t kind, uint32_t features, int64_t step) {
    struct sweep_result result = {.bits = 0xCBF29CE484222325u};
    sweeps[kind].run(&result, features, step);
    return result;
}

struct sweep_memory sweep_memory_of(int64_t capacity) {
    int64_t page = sysconf(_SC_PAGESIZE);
    int64_t whole = (capacity + page - 1) / page * page;
    char *memory = mmap(0, (size_t)(whole + page), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + whole, (size_t)page, PROT_NONE)) abort();
    return (struct sweep_memory){memory + whole, whole};
}

void sweep_record(struct sweep_result *result, int is_right, int64_t a, int64_t b, int64_t c) {
    result->shapes++;
    if (is_right) return;
    if (result->failures++ == 0) {
        result->first[0] = a;
        result->first[1] = b;
        result->first[2] = c;
    }
}

void sweep_digest(struct sweep_result *result, const void *bytes, int64_t count) {
    // FNV-1a over words of eight bytes, and over single bytes behind them.
    const char *at = bytes;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        result->bits = (result->bits ^ word) * 0x100000001B3u;
    }
    for (; count > 0; count--, at++) {
        result->bits = (result->bits ^ (uint8_t)*at) * 0x100000001B3u;
    }
}
