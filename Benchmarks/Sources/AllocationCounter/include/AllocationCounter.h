#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Calls of malloc and its relatives since the program started, by all threads; -1 where they
/// cannot be counted (a C library other than glibc).
long halftone_benchmark_allocations(void);

#endif
