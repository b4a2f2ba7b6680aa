"""Writes blocks of every GGUF type with the values that the package `gguf` of PyPI gives them.

Usage: python3 gguf_blocks.py OUTPUT [SEED [VALUES]]

The file is a sequence of records, little-endian: u32 kind (0: bytes were decoded, 1: values were
encoded), u32 type id, u32 number of bytes, u32 number of values, the bytes, the values as float32.
There are about VALUES values per record, 512 unless said otherwise. Blocks are random bytes, so
that some scales are NaN, infinite or subnormal. Tests/Fixtures/Blocks/blocks.bin was written by
this script with seed 1 and gguf 0.19.0.
"""

import struct
import sys

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Type

output, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 512
random = np.random.default_rng(seed)
np.seterr(all="ignore")

DECODED = """F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ2_XXS IQ2_XS IQ2_S IQ3_XXS
    IQ3_S IQ1_S IQ1_M IQ4_NL IQ4_XS TQ1_0 TQ2_0 MXFP4 NVFP4""".split()
ENCODED = "F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 TQ1_0 TQ2_0 MXFP4".split()


def record(file, kind, name, data, values):
    data, values = data.tobytes(), values.astype("<f4").reshape(-1)
    file.write(struct.pack("<4I", kind, Type[name].value, len(data), len(values)))
    file.write(data)
    file.write(values.tobytes())


with open(output, "wb") as file:
    for name in DECODED:
        elements, size = GGML_QUANT_SIZES[Type[name]]
        count = max(1, wanted // elements)
        data = random.integers(0, 256, (count, size), dtype=np.uint8)
        record(file, 0, name, data, quants.dequantize(data, Type[name]))
    for name in ENCODED:
        elements, _ = GGML_QUANT_SIZES[Type[name]]
        count = max(2, wanted // elements)
        values = random.standard_normal((count, elements)).astype(np.float32)
        # Rows of several sizes, some with many ties, one of zeros.
        values *= np.exp2(random.integers(-12, 5, (count, 1))).astype(np.float32)
        values[::3] = np.round(values[::3] * 4) / 4
        values[1] = 0
        # No negative zeros: which zero of a block gives the sign is not defined by the format.
        values += 0
        record(file, 1, name, quants.quantize(values, Type[name]), values)
