// Filled by the writer of HalftoneRuns.
