#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Whether allocations can be counted: with glibc.
int halftone_allocations_are_counted(void);

/// Begins or ends the counting of what the calling thread allocates.
void halftone_count_allocations(int counts);

/// Calls of malloc and its relatives by threads while they were counted.
long halftone_allocations(void);

#endif
