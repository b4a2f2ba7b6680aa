"""Writes matrices in block layouts, computed with numpy and ml_dtypes.

Usage: python3 block_layouts.py OUTPUT

Records, little-endian: u8 length and the name of the layout; u16 rows, u16 columns; the values as
float32; a byte of code for each element; u16 number of blocks and a byte of code for each scale;
the float32 that multiplies all; the decoded values as float32; u32 bytes of the whole. Integers have the
code 0 for their least value, small floats their bit patterns.
Tests/Fixtures/Formats/layouts.bin was written by this script with ml_dtypes 0.6.0 and numpy 2.4.6.
"""

import math
import struct
import sys

import ml_dtypes
import numpy as np

np.seterr(all="ignore")
f32 = np.float32
random = np.random.default_rng(9)
FLOATS = {
    "e5m2": (ml_dtypes.float8_e5m2, 8), "e4m3": (ml_dtypes.float8_e4m3fn, 8),
    "e3m2": (ml_dtypes.float6_e3m2fn, 6), "e2m3": (ml_dtypes.float6_e2m3fn, 6),
    "e2m1": (ml_dtypes.float4_e2m1fn, 4),
}


def element(kind):
    """Largest value, bits, encoder and decoder of an element format."""
    if kind in FLOATS:
        type, bits = FLOATS[kind]
        largest = f32(ml_dtypes.finfo(type).max)
        return (largest, bits, lambda x: np.clip(x, -largest, largest).astype(type).view(np.uint8),
                lambda c: c.astype(np.uint8).view(type).astype(f32))
    bits, narrow = kind
    low, high = -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    unit = f32(2.0 ** (2 - bits))
    return (f32(high) * unit, bits, lambda x: (np.clip(np.rint(x / unit), low, high) - low).astype(np.uint8),
            lambda c: (c.astype(f32) + low) * unit)


LAYOUTS = {
    "mxfp8e5m2": ("e5m2", 8, (1, 32)), "mxfp8e4m3": ("e4m3", 8, (1, 32)), "mxfp6e3m2": ("e3m2", 8, (1, 32)),
    "mxfp6e2m3": ("e2m3", 8, (1, 32)), "mxfp4": ("e2m1", 8, (1, 32)), "mxint8": ((8, 0), 8, (1, 32)),
    "nvfp4": ("e2m1", "e4m3", (1, 16)), "bfp4e8g16": ((4, 1), 8, (1, 16)), "bfp6e5g8x8": ((6, 1), 5, (8, 8)),
    "bfp2e4g3x5": ((2, 1), 4, (3, 5)), "bfp8e3g7": ((8, 1), 3, (1, 7)),
}

with open(sys.argv[1], "wb") as file:
    for name, (kind, scale, (tall, wide)) in LAYOUTS.items():
        largest, bits, encode, decode = element(kind)
        for rows, columns in ((5, 70), (3, 32), (1, 1)):
            values = (random.standard_normal((rows, columns)) * np.exp2(random.integers(-9, 9, (rows, 1)))).astype(f32)
            values[:, ::5] = np.round(values[:, ::5] * 4) / 4
            if rows == 5:
                values[4] = 0
                values[3] *= f32(2.0**-130 if scale == 8 else 1)
            values = values + f32(0)
            factor = f32(1)
            if scale == "e4m3":
                factor = np.abs(values).max() / f32(448 * 6)
            codes = np.zeros((rows, columns), np.uint8)
            decoded = np.zeros((rows, columns), f32)
            scales = []
            for r in range(0, rows, tall):
                for c in range(0, columns, wide):
                    block = values[r : r + tall, c : c + wide]
                    amax = np.abs(block).max()
                    if scale == "e4m3":
                        s = np.minimum(amax / largest / factor, f32(448)).astype(ml_dtypes.float8_e4m3fn)
                        scales.append(int(s.view(np.uint8)))
                        unit = f32(s) * factor
                    else:
                        bias = 2 ** (scale - 1) - 1
                        # frexp gives a significand of ½ to 1.
                        code = math.frexp(amax)[1] - math.frexp(largest)[1] + bias if amax > 0 else 0
                        code = min(max(code, 0), 254 if scale == 8 else 2**scale - 1)
                        scales.append(code)
                        unit = f32(2.0 ** (code - bias))
                    codes[r : r + tall, c : c + wide] = encode(block / unit if unit else block * 0)
                    decoded[r : r + tall, c : c + wide] = decode(codes[r : r + tall, c : c + wide]) * unit
            scale_bits = 8 if scale == "e4m3" else scale
            size = rows * math.ceil(columns * bits / 8) + math.ceil(len(scales) * scale_bits / 8)
            size += 4 if scale == "e4m3" else 0
            file.write(struct.pack("<B", len(name)) + name.encode() + struct.pack("<HH", rows, columns))
            file.write(values.tobytes() + codes.tobytes() + struct.pack("<H", len(scales)) + bytes(scales))
            file.write(struct.pack("<f", factor) + decoded.tobytes() + struct.pack("<I", size))
