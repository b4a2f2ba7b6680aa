"""Writes Sources/HalftoneKernels/Blocks/BlockGridTables.swift.

The grids of the IQ1, IQ2 and IQ3 types are constants of the GGUF format: whoever reads such a block
needs exactly these points. They are taken from the package `gguf` of PyPI and stored as level
numbers, 16 bits to a point: two bits for each of eight coordinates, or three for each of four.

Usage: python3 make_grid_tables.py > Sources/HalftoneKernels/Blocks/BlockGridTables.swift
"""

import numpy as np
from gguf import quants

TABLES = [
    ("iq2_XXS", quants.IQ2_XXS, 2), ("iq2_XS", quants.IQ2_XS, 2), ("iq2_S", quants.IQ2_S, 2),
    ("iq3_XXS", quants.IQ3_XXS, 3), ("iq3_S", quants.IQ3_S, 3), ("iq1", quants.IQ1_S, 2),
]

print("""// Written by Tests/Reference/make_grid_tables.py; do not edit.

/// The grids of the IQ types, as published constants of the GGUF format.
///
/// Each point takes 16 bits: the level numbers of its coordinates, the first in the lowest bits.
/// Four points share a word, the first in its lowest bits.
enum BlockGridTables {""")
for number, (name, kind, bits) in enumerate(TABLES):
    kind.init_grid()
    grid = kind.grid.reshape(kind.grid_shape)
    levels = np.array(kind.grid_map, dtype=np.float32)
    codes = np.argmin(np.abs(grid[..., None] - levels), axis=-1).astype(np.uint64)
    assert (levels[codes] == grid).all()
    shifts = np.arange(grid.shape[1], dtype=np.uint64) * np.uint64(bits)
    points = np.bitwise_or.reduce(codes << shifts, axis=1).reshape(-1, 4)
    words = np.bitwise_or.reduce(points << (np.arange(4, dtype=np.uint64) * np.uint64(16)), axis=1)
    if number:
        print()
    print(f"    /// {grid.shape[0]} points of {grid.shape[1]} coordinates, {bits} bits each.")
    print(f"    static let {name}: [UInt64] = [")
    for start in range(0, len(words), 4):
        row = ", ".join(f"0x{int(word):016X}" for word in words[start:start + 4])
        print(f"        {row},")
    print("    ]")
print("}")
