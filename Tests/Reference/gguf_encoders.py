"""Writes the blocks that ggml's own encoders make of weights, with and without importance.

Usage: python3 gguf_encoders.py LIBGGML_BASE OUTPUT [GGUF TENSOR]

LIBGGML_BASE is the library of that name of a llama.cpp build. The file, little-endian: u32 rows,
u32 columns, the weights and the importance of the columns as float32; then for each record u32 type
id, u32 whether importance was given, u32 number of bytes, and the bytes.
Weights are random, or the first rows of a tensor; of those only types whose scales are searched.
Tests/Fixtures/Blocks/encoders.bin was written by this script with ggml 0.25.3, and real.bin from
blk.15.ffn_down.weight of SmolLM2-135M in F32.
"""

import ctypes
import struct
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])
library.ggml_quantize_chunk.restype = ctypes.c_size_t
library.ggml_quantize_chunk.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
    ctypes.c_int64, ctypes.c_void_p]
library.ggml_row_size.restype = ctypes.c_size_t
library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]

ROWS, COLUMNS = 8, 512
random = np.random.default_rng(5)
# Rows of several sizes; heavy tails, as weights have, in half of them.
weights = random.standard_normal((ROWS, COLUMNS))
weights[::2] = random.standard_t(4, (ROWS // 2, COLUMNS))
weights = (weights * np.exp2(random.integers(-8, 2, (ROWS, 1)))).astype("<f4")
if len(sys.argv) > 3:
    from gguf import GGUFReader

    found = next(t for t in GGUFReader(sys.argv[3]).tensors if t.name == sys.argv[4])
    weights = np.array(found.data[:4], dtype="<f4")
    ROWS, COLUMNS = weights.shape
# Mean squares of activations vary over orders of magnitude.
importance = np.exp(1.5 * random.standard_normal(COLUMNS)).astype("<f4")

# Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4, NVFP4.
TYPES = [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 34, 35, 39, 40]
if len(sys.argv) > 3:
    TYPES = [10, 11, 12, 13, 14, 20, 23]
with open(sys.argv[2], "wb") as file:
    file.write(struct.pack("<2I", ROWS, COLUMNS) + weights.tobytes() + importance.tobytes())
    for kind in TYPES:
        for weighted in (0, 1):
            size = ROWS * library.ggml_row_size(kind, COLUMNS)
            output = (ctypes.c_uint8 * size)()
            pointer = importance.ctypes.data if weighted else None
            written = library.ggml_quantize_chunk(
                kind, weights.ctypes.data, output, 0, ROWS, COLUMNS, pointer)
            assert written == size, kind
            file.write(struct.pack("<3I", kind, weighted, size) + bytes(output))
