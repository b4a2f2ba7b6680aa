#!/usr/bin/env python3
"""Packed checkpoints of other programs, made with their own code, and what that code reads in them.

  packed_checkpoints.py modules OUT      one module in every layout and variant, a few KB each:
                                         OUT/modules.safetensors and OUT/modules.json
  packed_checkpoints.py models OUT NAME…  a tiny model in each layout with its logits
  packed_checkpoints.py logits DIR TEXT N OUT
                                         logits of a real checkpoint DIR for the first N tokens of TEXT,
                                         for `halftone eval DIR --against-logits OUT`

The values of a packed weight are always computed by the program itself, from the file as written, with
scales (and what else has 16 bits) raised to float32 first, so that no rounding of the decoded weight to 16
bits stands between its reading and ours. Logits are of transformers in float32 with those weights.

GPTQ: gptqmodel's TorchLinear.pack and dequantize_weight; its conversion between versions 1 and 2.
AWQ: AutoAWQ's pseudo_quantize_tensor, WQLinear_GEMM.from_linear and dequantize_gemm (the package as a whole
needs an older transformers, so the modules are loaded one by one).
compressed-tensors: its compressors and their decompress; words of whole codes with pack_to_int32 of version
0.17.1, the last that wrote them.
bitsandbytes: quantize_4bit and dequantize_4bit, and transformers' 8-bit layers.
MLX: mx.quantize and mx.dequantize.

Made with: torch==2.13.0 transformers==5.24.0 compressed-tensors==0.20.0 bitsandbytes==0.50.2
gptqmodel==7.7.0, autoawq==0.2.9 and compressed-tensors==0.17.1 (unpacked in GPTQMODEL, AUTOAWQ and
OLD_COMPRESSED_TENSORS) mlx[cpu]==0.32.4
safetensors==0.8.0 numpy==2.4.6

Usage: GPTQMODEL=… AUTOAWQ=… OLD_COMPRESSED_TENSORS=… packed_checkpoints.py modules|models|logits …
"""

import importlib.util
import json
import os
import shutil
import sys
import types
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
ROWS, COLUMNS, GROUP = 32, 32, 16


def weight(seed, rows=ROWS, columns=COLUMNS, shift=0.0):
    """Weights whose groups differ in size, and whose zero points therefore differ as well."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((rows, columns)) * np.exp(random.standard_normal((rows, 1)) / 2)
    values += shift * random.standard_normal((rows, columns // GROUP)).repeat(GROUP, 1)
    return torch.tensor(values, dtype=torch.float32)


def integer_scales(w, bits, group, symmetric):
    """Scales and zero points [rows, groups] that cover each group, as float16 values."""
    groups = w.reshape(w.shape[0], -1, group)
    top = 2**bits - 1
    if symmetric:
        scale = groups.abs().amax(2) / (top / 2)
        zero = torch.full_like(scale, 2 ** (bits - 1))
    else:
        low, high = groups.amin(2).clamp(max=0), groups.amax(2).clamp(min=0)
        scale = (high - low) / top
        zero = torch.round(-low / scale).clamp(0, top)
    return scale.to(torch.float16).float(), zero


# GPTQ ---------------------------------------------------------------------------------------------------------

def gptqmodel():
    sys.path.insert(0, os.environ["GPTQMODEL"])
    from gptqmodel.nn_modules.qlinear.torch import TorchLinear
    from gptqmodel.quantization.config import FORMAT
    from gptqmodel.utils import model
    return TorchLinear, FORMAT, model


def gptq_module(w, bits, group, symmetric, version, order=None, force_zero=False):
    TorchLinear, FORMAT, tools = gptqmodel()
    rows, columns = w.shape
    group = columns if group == -1 else group
    index = torch.arange(columns, dtype=torch.int32) // group
    if order is not None:
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(columns)
        index = index[inverse]
    sorted_w = w if order is None else w[:, order]
    scale, zero = integer_scales(sorted_w, bits, group, symmetric)
    if force_zero:
        zero[1::3] = 0
    linear = torch.nn.Linear(columns, rows, bias=False)
    codes = torch.clamp(torch.round(w / scale[:, index.long()]) + zero[:, index.long()], 0, 2**bits - 1)
    linear.weight.data = (codes - zero[:, index.long()]) * scale[:, index.long()]
    form = {"gptq": FORMAT.GPTQ, "gptq_v2": FORMAT.GPTQ_V2, "gptq_p": FORMAT.GPTQ_P}[version]
    packed = TorchLinear(bits=bits, group_size=group, sym=symmetric, desc_act=order is not None,
                         in_features=columns, out_features=rows, format=form)
    packed.pack_original(linear, scale, zero, index)
    packed.post_init()
    packed.scales = packed.scales.float()
    expected = packed.dequantize_weight().T.contiguous().float()
    assert (expected - linear.weight.data).abs().max() < 1e-3 * expected.abs().max()
    if version == "gptq":
        config = types.SimpleNamespace(bits=bits, pack_dtype=torch.int32)
        tools.convert_gptq_v2_to_v1_format_module(packed, config)
    tensors = {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales.half(),
               "g_idx": packed.g_idx.to(torch.int32)}
    settings = {"quant_method": "gptq", "bits": bits, "group_size": group if group != columns else -1,
                "desc_act": order is not None, "sym": symmetric, "checkpoint_format": version}
    return settings, tensors, expected


def gptq_cases():
    order = torch.tensor(np.random.default_rng(5).permutation(COLUMNS))
    for version, bits, group, symmetric in [
        ("gptq", 4, GROUP, True), ("gptq", 4, GROUP, False), ("gptq_v2", 4, GROUP, True),
        ("gptq_v2", 4, GROUP, False), ("gptq", 2, GROUP, False), ("gptq_v2", 2, GROUP, False),
        ("gptq", 3, GROUP, False), ("gptq_v2", 3, -1, True), ("gptq", 8, -1, True), ("gptq_v2", 8, GROUP, False),
        ("gptq_p", 3, GROUP, False), ("gptq_p", 5, GROUP, False), ("gptq_p", 6, GROUP, False),
        ("gptq_p", 7, GROUP, True), ("gptq", 4, -1, False),
    ]:
        name = f"{version}-{bits}-g{group}-{'sym' if symmetric else 'asym'}"
        yield name, gptq_module(weight(bits, shift=1), bits, group, symmetric, version)
    yield "gptq-4-ordered", gptq_module(weight(31, shift=1), 4, GROUP, True, "gptq", order)
    yield "gptq_v2-3-ordered", gptq_module(weight(32, shift=1), 3, GROUP, False, "gptq_v2", order)
    # Zero points of 0, which version 1 lowers below 0.
    for bits in (2, 3, 4, 8):
        yield f"gptq-{bits}-zero", gptq_module(weight(40 + bits).abs(), bits, GROUP, False, "gptq", force_zero=True)


# AWQ ----------------------------------------------------------------------------------------------------------

def autoawq():
    root = Path(os.environ["AUTOAWQ"]) / "awq"
    for name in ("awq", "awq.modules", "awq.modules.linear", "awq.utils", "awq.quantize"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules.setdefault(name, package)
    from awq.modules.linear.gemm import WQLinear_GEMM
    from awq.utils.packing_utils import dequantize_gemm
    return WQLinear_GEMM, dequantize_gemm


def awq_scales(w, group):
    """AutoAWQ's pseudo_quantize_tensor with zero points, whose class needs an older transformers."""
    flat = w.reshape(-1, group)
    high, low = flat.amax(1, keepdim=True), flat.amin(1, keepdim=True)
    scales = (high - low).clamp(min=1e-5) / 15
    zeros = (-torch.round(low / scales)).clamp_(0, 15)
    values = (torch.clamp(torch.round(flat / scales) + zeros, 0, 15) - zeros) * scales
    return values.reshape(w.shape), scales.view(w.shape[0], -1), zeros.view(w.shape[0], -1)


def awq_module(w, group):
    WQLinear_GEMM, dequantize_gemm = autoawq()
    values, scales, zeros = awq_scales(w, group)
    linear = torch.nn.Linear(w.shape[1], w.shape[0], bias=False)
    linear.weight.data = values
    packed = WQLinear_GEMM.from_linear(linear, 4, group, scales=scales.T.contiguous(), zeros=zeros.T.contiguous())
    tensors = {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales}
    expected = dequantize_gemm(packed.qweight, packed.qzeros, packed.scales.float(), 4, group).T.contiguous()
    settings = {"quant_method": "awq", "bits": 4, "group_size": group, "zero_point": True, "version": "gemm",
                "modules_to_not_convert": None}
    return settings, tensors, expected


def awq_cases():
    yield "awq-g16", awq_module(weight(50, shift=1), 16)
    yield "awq-g32", awq_module(weight(51, rows=96, shift=1), 32)


# compressed-tensors -------------------------------------------------------------------------------------------

def compressed_tensors_module(w, form, weights, old=False, scale_dtype=torch.float16, g_idx=None):
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams
    args = QuantizationArgs(**weights)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    rows, columns = w.shape
    strategy = weights["strategy"]
    global_scale = None
    if strategy == "tensor":
        groups = w.reshape(1, 1, -1)
    elif strategy == "channel":
        groups = w.reshape(rows, 1, -1)
    elif strategy == "block":
        high, wide = weights["block_structure"]
        padded = torch.zeros(-(-rows // high) * high, -(-columns // wide) * wide)
        padded[:rows, :columns] = w
        groups = padded.reshape(padded.shape[0] // high, high, -1, wide).transpose(1, 2).flatten(2)
    else:
        groups = w.reshape(rows, -1, weights["group_size"])
    low, high_ = groups.amin(2), groups.amax(2)
    if strategy == "tensor_group":
        from compressed_tensors.quantization.utils import generate_gparam
        global_scale = generate_gparam(w.min(), w.max())
        scale, zero = calculate_qparams(low, high_, args, global_scale=global_scale)
    else:
        scale, zero = calculate_qparams(low, high_, args)
    if strategy == "tensor":
        scale, zero = scale.reshape(1), zero.reshape(1)
    if scale.dtype == torch.float32 and form not in ("mxfp4-pack-quantized", "mxfp8-quantized"):
        scale = scale.to(scale_dtype)
    state = {"weight": w, "weight_scale": scale}
    if not args.symmetric:
        state["weight_zero_point"] = zero.to(torch.int8)
    if global_scale is not None:
        state["weight_global_scale"] = global_scale
    compressor = BaseCompressor.get_value_from_registry(form)
    packed = compressor.compress(dict(state), scheme)
    # Decompressed from what a file holds, in float32.
    raised = {
        name: tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
        for name, tensor in packed.items()}
    expected = compressor.decompress(raised, scheme)["weight"].float()
    if form == "nvfp4-pack-quantized":
        # The tool's dtype is bfloat16 here; its steps in float32 instead.
        from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
        from compressed_tensors.quantization.lifecycle.forward import dequantize
        values = unpack_fp4_from_uint8(packed["weight_packed"], rows, columns, torch.float32)
        expected = dequantize(values, packed["weight_scale"].float(), args=args, global_scale=global_scale,
                              dtype=torch.float32)
    tensors = {name: tensor.contiguous() for name, tensor in packed.items()}
    if "weight_shape" in tensors:
        tensors["weight_shape"] = torch.tensor([rows, columns], dtype=torch.int64)
    version = "0.20.0"
    if old:
        version = "0.14.0"
        from compressed_tensors.compressors.pack_quantized import unpack_from_int32
        codes = unpack_from_int32(packed["weight_packed"], args.num_bits, torch.Size([rows, columns]))
        tensors["weight_packed"] = whole_codes(codes.to(torch.int8), args.num_bits)
        if "weight_zero_point" in tensors:
            tensors["weight_zero_point"] = whole_codes(zero.to(torch.int8).T.contiguous(), args.num_bits).T.contiguous()
    if g_idx is not None:
        tensors["weight_g_idx"] = g_idx
    settings = {
        "quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed", "version": version,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": json.loads(args.model_dump_json()),
                                      "input_activations": None, "output_activations": None}},
        "ignore": ["lm_head"], "kv_cache_scheme": None}
    return settings, tensors, expected


def whole_codes(codes, bits):
    path = Path(os.environ["OLD_COMPRESSED_TENSORS"]) / "compressed_tensors/compressors/pack_quantized/helpers.py"
    spec = importlib.util.spec_from_file_location("old_helpers", path)
    helpers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helpers)
    return helpers.pack_to_int32(codes, bits).contiguous()


def compressed_tensors_cases():
    def integer(bits, symmetric, strategy="group", **more):
        return dict(num_bits=bits, type="int", symmetric=symmetric, strategy=strategy,
                    **({"group_size": GROUP} if strategy == "group" else {}), **more)

    for bits in range(1, 9):
        for symmetric in (True, False):
            name = f"pack-{bits}-{'sym' if symmetric else 'asym'}"
            yield name, compressed_tensors_module(
                weight(60 + bits, shift=1), "pack-quantized", integer(bits, symmetric))
    for bits in (3, 5, 6, 7):
        yield f"pack-{bits}-old", compressed_tensors_module(
            weight(70 + bits, shift=1), "pack-quantized", integer(bits, False), old=True)
    yield "pack-4-channel", compressed_tensors_module(
        weight(80), "pack-quantized", integer(4, False, "channel"), scale_dtype=torch.bfloat16)
    # Widths that end within a word.
    yield "pack-3-ragged", compressed_tensors_module(
        weight(81, rows=30, columns=80)[:, :72], "pack-quantized", dict(integer(3, False), group_size=24))
    for form in ("int-quantized", "naive-quantized"):
        yield f"{form}-channel", compressed_tensors_module(weight(82), form, integer(8, True, "channel"))
        yield f"{form}-asym", compressed_tensors_module(weight(83, shift=1), form, integer(8, False, "channel"))
    yield "naive-quantized-4", compressed_tensors_module(weight(84, shift=1), "naive-quantized", integer(4, True))
    yield "int-quantized-tensor", compressed_tensors_module(weight(85), "int-quantized", integer(8, True, "tensor"))

    def floats(strategy, **more):
        return dict(num_bits=8, type="float", symmetric=True, strategy=strategy, **more)

    for strategy in ("tensor", "channel"):
        yield f"float-quantized-{strategy}", compressed_tensors_module(weight(86), "float-quantized", floats(strategy))
    yield "float-quantized-block", compressed_tensors_module(
        weight(87, rows=40, columns=80)[:, :72], "float-quantized", floats("block", block_structure=[16, 32]),
        scale_dtype=torch.float32)
    yield "nvfp4", compressed_tensors_module(
        weight(88), "nvfp4-pack-quantized",
        dict(num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16,
             scale_dtype=torch.float8_e4m3fn))
    yield "mxfp4", compressed_tensors_module(
        weight(89, columns=64), "mxfp4-pack-quantized",
        dict(num_bits=4, type="float", symmetric=True, strategy="group", group_size=32, scale_dtype=torch.uint8))
    yield "mxfp8", compressed_tensors_module(
        weight(90, columns=64), "mxfp8-quantized",
        dict(num_bits=8, type="float", symmetric=True, strategy="group", group_size=32, scale_dtype=torch.uint8))


# bitsandbytes -------------------------------------------------------------------------------------------------

def bitsandbytes_values(packed, state):
    """dequantize_4bit in float32, asked for rows of one block.

    Its processor kernel (0.50.2) takes the wrong scales for widths such as 96 and 160, which are multiples of 32
    and not of the block: there its values are up to three times as far from the original as its rounding is.
    """
    import bitsandbytes.functional as F
    shape = state.shape
    state.dtype = torch.float32
    if shape.numel() % state.blocksize == 0:
        state.shape = torch.Size([shape.numel() // state.blocksize, state.blocksize])
    return F.dequantize_4bit(packed, state).float().reshape(shape)


def bitsandbytes_module(w, kind, nested, block=64):
    import bitsandbytes.functional as F
    packed, state = F.quantize_4bit(w.half(), blocksize=block, quant_type=kind, compress_statistics=nested)
    tensors = {"weight": packed} | {"weight." + name: tensor for name, tensor in state.as_dict(packed=True).items()}
    expected = bitsandbytes_values(packed, state)
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False,
                "bnb_4bit_quant_type": kind, "bnb_4bit_use_double_quant": nested}
    return settings, tensors, expected


def bitsandbytes_int8(w):
    import bitsandbytes.functional as F
    codes, stats, _ = F.int8_vectorwise_quant(w.half())
    tensors = {"weight": codes, "SCB": stats, "weight_format": torch.tensor(0, dtype=torch.uint8)}
    expected = F.int8_vectorwise_dequant(codes, stats)
    return {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False}, tensors, expected


def bitsandbytes_cases():
    for kind in ("nf4", "fp4"):
        yield f"bnb-{kind}", bitsandbytes_module(weight(100, columns=64), kind, False)
    # 264 blocks: the scales of the scales change within.
    yield "bnb-nf4-nested", bitsandbytes_module(weight(101, rows=132, columns=128), "nf4", True)
    yield "bnb-fp4-nested", bitsandbytes_module(weight(104, columns=64), "fp4", True)
    # Blocks that go on in the next row.
    yield "bnb-nf4-across", bitsandbytes_module(weight(102, columns=80)[:, :72].contiguous(), "nf4", False)
    yield "bnb-int8", bitsandbytes_int8(weight(103))


# MLX ----------------------------------------------------------------------------------------------------------

def mlx_module(w, mode, bits, group, dtype="float16"):
    import mlx.core as mx
    mx.set_default_device(mx.cpu)
    array = mx.array(w.numpy()).astype(getattr(mx, dtype))
    parts = mx.quantize(array, group_size=group, bits=bits, mode=mode)
    names = ["weight", "scales", "biases"][: len(parts)]
    raised = [part.astype(mx.float32) if part.dtype in (mx.float16, mx.bfloat16) else part for part in parts]
    expected = mx.dequantize(raised[0], raised[1], raised[2] if len(parts) > 2 else None, group_size=group, bits=bits,
                             mode=mode)
    expected = torch.tensor(np.array(expected.astype(mx.float32)))
    tensors = {}
    for name, part in zip(names, parts):
        if part.dtype == mx.bfloat16:
            tensors[name] = torch.tensor(np.array(part.astype(mx.float32))).to(torch.bfloat16)
        else:
            tensors[name] = torch.tensor(np.array(part))
    return {"group_size": group, "bits": bits, "mode": mode}, tensors, expected


def mlx_cases():
    for bits in (2, 3, 4, 5, 6, 8):
        yield f"mlx-{bits}", mlx_module(weight(110 + bits, columns=64, shift=1), "affine", bits, 32, "bfloat16" if bits == 5 else "float16")
    yield "mlx-mxfp4", mlx_module(weight(120, columns=64), "mxfp4", 4, 32)
    yield "mlx-nvfp4", mlx_module(weight(121, columns=64), "nvfp4", 4, 16)
    yield "mlx-mxfp8", mlx_module(weight(122, columns=64), "mxfp8", 8, 32)


# Float8 blocks ------------------------------------------------------------------------------------------------

def float8_cases():
    w = weight(130, rows=40, columns=80)[:, :72].contiguous()
    scales = torch.tensor(np.random.default_rng(131).random((3, 3)) / 100 + 0.01, dtype=torch.float32)
    codes = (w / scales.repeat_interleave(16, 0)[:40].repeat_interleave(32, 1)[:, :72]).to(torch.float8_e4m3fn)
    expected = codes.float() * scales.repeat_interleave(16, 0)[:40].repeat_interleave(32, 1)[:, :72]
    yield "fp8-block", ({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                         "weight_block_size": [16, 32]},
                        {"weight": codes, "weight_scale_inv": scales}, expected)


CASES = [gptq_cases, awq_cases, compressed_tensors_cases, bitsandbytes_cases, mlx_cases, float8_cases]


def write_modules(out):
    out.mkdir(parents=True, exist_ok=True)
    tensors, cases = {}, {}
    for group in CASES:
        for name, (settings, parts, expected) in group():
            cases[name] = settings
            for suffix, tensor in parts.items():
                tensors[f"{name}.{suffix}"] = tensor.detach().contiguous()
            tensors[f"{name}.expected"] = expected.detach().float().contiguous()
    save_file(tensors, out / "modules.safetensors")
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(settings)}" for name, settings in cases.items())
    (out / "modules.json").write_text("{\n" + text + "\n}\n")
    print(len(cases), "modules,", (out / "modules.safetensors").stat().st_size, "bytes")


# Tiny models --------------------------------------------------------------------------------------------------

TINY = dict(
    architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=64, hidden_size=64, intermediate_size=96,
    num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, hidden_act="silu",
    max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True, bos_token_id=1,
    eos_token_id=2)


def tiny_weights():
    random = np.random.default_rng(7)
    hidden, inner = TINY["hidden_size"], TINY["intermediate_size"]
    shapes = {"model.embed_tokens": (TINY["vocab_size"], hidden), "model.norm": (hidden,)}
    layer = "model.layers.0."
    shapes |= {layer + "input_layernorm": (hidden,), layer + "post_attention_layernorm": (hidden,)}
    for name, shape in {"self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (hidden // 2, hidden),
                        "self_attn.v_proj": (hidden // 2, hidden), "self_attn.o_proj": (hidden, hidden),
                        "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
                        "mlp.down_proj": (hidden, inner)}.items():
        shapes[layer + name] = shape
    result = {}
    for name, shape in shapes.items():
        values = random.standard_normal(shape)
        if len(shape) == 1:
            values = 1 + 0.3 * values
        elif "embed" not in name:
            values *= (1.6 if "q_proj" in name or "k_proj" in name else 1.2) / np.sqrt(shape[1])
        result[name] = torch.tensor(values, dtype=torch.float32).half()
    return result


MODELS = {
    "gptq": lambda w: gptq_module(w, 4, 32, False, "gptq", torch.tensor(np.random.default_rng(8).permutation(w.shape[1]))),
    "awq": lambda w: awq_module(w, 32),
    "compressed-tensors": lambda w: compressed_tensors_module(
        w, "pack-quantized", dict(num_bits=4, type="int", symmetric=False, strategy="group", group_size=32)),
    "bitsandbytes": lambda w: bitsandbytes_module(w, "nf4", True),
    "mlx": lambda w: mlx_module(w, "affine", 3, 32),
}


def write_models(out, names=()):
    ids = torch.tensor(np.random.default_rng(9).integers(3, TINY["vocab_size"], 24))
    for name, pack in MODELS.items():
        if names and name not in names:
            continue
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tensors, dense, settings = {}, {}, None
        for module, w in tiny_weights().items():
            packs = w.dim() == 2 and (name == "mlx" or "embed" not in module)
            if not packs:
                tensors[module + ".weight"] = w
                dense[module + ".weight"] = w.float()
                continue
            settings, parts, dense[module + ".weight"] = pack(w.float())
            for suffix, tensor in parts.items():
                tensors[f"{module}.{suffix}"] = tensor.detach().contiguous()
        config = dict(TINY) | ({"quantization": settings, "quantization_config": settings} if name == "mlx"
                               else {"quantization_config": settings})
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "mlx" if name == "mlx" else "pt"})
        save_file({"input_ids": ids, "logits": logits(TINY, dense, ids)}, folder / "expected.safetensors")
        print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def logits(config, dense, ids):
    from transformers import LlamaConfig, LlamaForCausalLM
    config = {key: value for key, value in config.items() if not key.startswith("quantization")}
    model = LlamaForCausalLM._from_config(LlamaConfig(**config), dtype=torch.float32, attn_implementation="eager")
    report = model.load_state_dict({k: v.float() for k, v in dense.items()}, strict=False)
    assert not report.unexpected_keys and all("lm_head" in key for key in report.missing_keys), report
    model.tie_weights()
    with torch.no_grad():
        return model(ids[None]).logits[0].contiguous()


# Real checkpoints ---------------------------------------------------------------------------------------------

def dense_weights(folder, config, tensors):
    """The weights of a checkpoint as its program decodes them, in float32."""
    modules = {}
    for name, tensor in tensors.items():
        for suffix in ("qweight", "weight_packed", "weight.absmax", "SCB", "biases", "weight_scale"):
            if name.endswith("." + suffix):
                modules[name[: -len(suffix) - 1]] = True
    settings = config.get("quantization") or config["quantization_config"]
    dense = {}
    for module in modules:
        parts = {name[len(module) + 1:]: tensor for name, tensor in tensors.items() if name.startswith(module + ".")}
        dense[module + ".weight"] = decode(settings, parts, module).float()
    for name, tensor in tensors.items():
        if name.endswith((".weight", ".bias")) and name not in dense and not any(
                name.startswith(module + ".") and name.endswith("weight") for module in modules):
            dense[name] = tensor.float()
    return dense, len(modules)


def decode(settings, parts, module):
    method = settings.get("quant_method", "mlx")
    if method == "gptq":
        TorchLinear, FORMAT, tools = gptqmodel()
        rows, columns = parts["qweight"].shape[1], parts["g_idx"].shape[0]
        version = settings.get("checkpoint_format") or settings.get("format") or "gptq"
        packed = TorchLinear(
            bits=settings["bits"], group_size=settings["group_size"], sym=settings["sym"],
            desc_act=settings["desc_act"], in_features=columns, out_features=rows, format=FORMAT(version))
        for name in ("qweight", "qzeros", "g_idx"):
            getattr(packed, name).data.copy_(parts[name])
        if version == "gptq":
            tools.convert_gptq_v1_to_v2_format_module(packed, settings["bits"], torch.int32)
        packed.post_init()
        packed.scales = parts["scales"].float()
        return packed.dequantize_weight().T
    if method == "awq":
        _, dequantize_gemm = autoawq()
        return dequantize_gemm(parts["qweight"], parts["qzeros"], parts["scales"].float(), 4, settings["group_size"]).T
    if method == "compressed-tensors":
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationScheme
        group = next(iter(settings["config_groups"].values()))
        form = group.get("format") or settings["format"]
        scheme = QuantizationScheme(targets=["Linear"], weights=group["weights"])
        raised = {k: v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for k, v in parts.items()}
        if form == "nvfp4-pack-quantized":
            from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
            from compressed_tensors.quantization.lifecycle.forward import dequantize
            rows, half = parts["weight_packed"].shape
            values = unpack_fp4_from_uint8(parts["weight_packed"], rows, half * 2, torch.float32)
            return dequantize(values, parts["weight_scale"].float(), args=scheme.weights,
                              global_scale=parts["weight_global_scale"], dtype=torch.float32)
        return BaseCompressor.get_value_from_registry(form).decompress(raised, scheme)["weight"]
    if method == "bitsandbytes":
        import bitsandbytes.functional as F
        if "SCB" in parts:
            return F.int8_vectorwise_dequant(parts["weight"], parts["SCB"])
        stats = {name: tensor for name, tensor in parts.items() if name.startswith("weight.")}
        stats = {name[len("weight."):]: tensor for name, tensor in stats.items()}
        state = F.QuantState.from_dict(stats, device=torch.device("cpu"))
        return bitsandbytes_values(parts["weight"], state)
    import mlx.core as mx
    mx.set_default_device(mx.cpu)
    own = settings.get(module) if isinstance(settings.get(module), dict) else settings
    arrays = [mx.array(parts[n].float().numpy() if parts[n].is_floating_point() else parts[n].numpy())
              for n in ("weight", "scales", "biases") if n in parts]
    value = mx.dequantize(*arrays, group_size=own["group_size"], bits=own["bits"], mode=own.get("mode", "affine"))
    return torch.tensor(np.array(value))


def write_logits(folder, text, count, out):
    from transformers import PreTrainedTokenizerFast
    config = json.loads((folder / "config.json").read_text())
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
    dense, modules = dense_weights(folder, config, tensors)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ids = torch.tensor(tokenizer(text.read_text()[: 64 * (count + 64)])["input_ids"][:count])
    found = logits(config, dense, ids)
    save_file({"input_ids": ids, "logits": found}, out)
    print(f"{folder.name}: {modules} packed modules, logits {list(found.shape)}")


def main():
    command, *rest = sys.argv[1:]
    if command == "modules":
        write_modules(Path(rest[0]))
    elif command == "models":
        write_models(Path(rest[0]), rest[1:])
    elif command == "logits":
        write_logits(Path(rest[0]), Path(rest[1]), int(rest[2]), Path(rest[3]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
