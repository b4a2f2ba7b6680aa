// Filled with the first code of this target.
