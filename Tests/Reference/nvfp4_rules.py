"""Writes what torchao and compressed-tensors make of random weights in NVFP4.

Usage: python3 nvfp4_rules.py OUTPUT   (with torch, torchao and compressed-tensors)

The file, little-endian: u32 rows, u32 columns, the weights as float32; then for each program a
float32 that multiplies all values, the E4M3 scales of 16 weights each, row after row, and the codes,
two to a byte, the earlier one in the low half.
Tests/Fixtures/Formats/nvfp4.bin was written by this script with torch 2.13, torchao 0.18.0 and
compressed-tensors 0.20.0.
"""

import struct
import sys

import numpy as np
import torch
from compressed_tensors.compressors.nvfp4.helpers import pack_fp4_to_uint8
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import quantize
from compressed_tensors.quantization.utils.helpers import calculate_qparams, generate_gparam
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize, per_tensor_amax_to_scale

ROWS, COLUMNS = 16, 256
random = np.random.default_rng(11)
weights = random.standard_t(4, (ROWS, COLUMNS)) * np.exp2(random.integers(-6, 2, (ROWS, 1)))
weights = torch.from_numpy(weights.astype("<f4"))

with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<2I", ROWS, COLUMNS) + weights.numpy().tobytes())

    factor = per_tensor_amax_to_scale(weights.abs().max())
    scales, codes = nvfp4_quantize(weights, 16, factor)
    file.write(struct.pack("<f", factor.item()))
    file.write(scales.view(torch.uint8).numpy().tobytes() + codes.numpy().tobytes())

    args = QuantizationArgs(
        num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16,
        scale_dtype=torch.float8_e4m3fn)
    global_scale = generate_gparam(weights.min(), weights.max())
    groups = weights.reshape(ROWS, -1, 16)
    scales, zeros = calculate_qparams(
        groups.amin(-1), groups.amax(-1), args, global_scale=global_scale)
    values = quantize(weights, scales, zeros, args, global_scale=global_scale)
    codes = pack_fp4_to_uint8(values)
    file.write(struct.pack("<f", 1 / global_scale.item()))
    file.write(
        scales.to(torch.float8_e4m3fn).view(torch.uint8).numpy().tobytes() + codes.numpy().tobytes())
