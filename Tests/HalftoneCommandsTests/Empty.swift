// Filled with the first test of this target.
