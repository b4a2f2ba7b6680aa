#!/usr/bin/env python3
"""Write the tiny random-weight model fixtures under Tests/Fixtures/Models.

Each fixture is a Hugging Face folder (config.json, model.safetensors or shards, sometimes
generation_config.json) plus expected.safetensors:
  input_ids  I64 [n]          random token ids
  logits     F32 [n, vocab]   what transformers computes for them (float32, eager attention, CPU)

config.json is as transformers 5 writes it. Where that moves the RoPE keys into rope_parameters,
config.legacy.json says the same in the older keys (rope_theta, rope_scaling, rope_local_base_freq,
rotary_pct, no layer_types); this script holds both to the same logits, bit for bit.

The logits are computed from the folder as written, so config.json is part of what is tested.
Weights come from NumPy and depend only on the fixture's name and the parameter's name.

Made with: torch==2.15.0 transformers==5.24.0 safetensors==0.8.0 numpy==2.4.6

Usage: make_model_fixtures.py [--out DIR] [--only NAME ...]
"""

import argparse
import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

MAXIMUM_BYTES = 300_000


def llama(**changes):
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=96, hidden_size=32,
        intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        hidden_act="silu", max_position_embeddings=256, rms_norm_eps=1e-5, rope_theta=10000.0,
        attention_bias=False, mlp_bias=False, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)
    return config | changes


def gemma3(**changes):
    config = dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", vocab_size=112, hidden_size=32,
        intermediate_size=32, num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=1, head_dim=16,
        hidden_activation="gelu_pytorch_tanh", max_position_embeddings=512, rms_norm_eps=1e-6,
        attention_bias=False, query_pre_attn_scalar=24, sliding_window=8, attn_logit_softcapping=None,
        final_logit_softcapping=None, bos_token_id=2, eos_token_id=1, pad_token_id=0)
    return config | changes


def gpt_neox(**changes):
    config = dict(
        architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", vocab_size=96, hidden_size=64,
        intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, hidden_act="gelu", rotary_pct=0.25,
        rotary_emb_base=10000, max_position_embeddings=128, layer_norm_eps=1e-5, use_parallel_residual=True,
        attention_bias=True, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0)
    return config | changes


# name: config, and optionally "tokens" (sequence length, default 32), "generation" (generation_config.json), "shards"
FIXTURES = {
    "llama2": dict(config=llama(num_key_value_heads=4, vocab_size=128), tokens=32, shards=2),
    "llama3": dict(
        config=llama(
            hidden_size=64, vocab_size=128, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True,
            rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                              original_max_position_embeddings=64),
            max_position_embeddings=512, bos_token_id=1, eos_token_id=[2, 3, 4]),
        generation=dict(bos_token_id=1, eos_token_id=[2, 3, 4], do_sample=True, temperature=0.6, top_p=0.9),
        tokens=40),
    "llama-linear": dict(config=llama(rope_scaling=dict(type="linear", factor=4.0)), tokens=40),
    "llama-yarn": dict(
        config=llama(
            hidden_size=64, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=2048,
            rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=512)),
        tokens=40),
    "llama-bias": dict(
        config={key: value for key, value in llama(attention_bias=True, mlp_bias=True).items() if key != "rope_theta"}
        | dict(rope_parameters=dict(rope_type="default", rope_theta=5000.0))),
    "mistral": dict(
        config=dict(
            architectures=["MistralForCausalLM"], model_type="mistral", vocab_size=112, hidden_size=64,
            intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            hidden_act="silu", max_position_embeddings=256, rms_norm_eps=1e-5, rope_theta=10000.0,
            sliding_window=8, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2),
        tokens=40),
    "smollm2": dict(
        config=llama(
            hidden_size=48, num_attention_heads=3, num_key_value_heads=1, num_hidden_layers=3, vocab_size=128,
            rope_theta=100000, rope_scaling=None, rope_interleaved=False, is_llama_config=True,
            tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2),
        generation=dict(bos_token_id=1, eos_token_id=2, pad_token_id=2)),
    "qwen2": dict(
        config=dict(
            architectures=["Qwen2ForCausalLM"], model_type="qwen2", vocab_size=128, hidden_size=32,
            intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            hidden_act="silu", max_position_embeddings=256, max_window_layers=1, rms_norm_eps=1e-6,
            rope_theta=1000000.0, sliding_window=8, use_sliding_window=False, tie_word_embeddings=True,
            bos_token_id=1, eos_token_id=2),
        generation=dict(bos_token_id=1, eos_token_id=[2, 1], pad_token_id=1, do_sample=True,
                        repetition_penalty=1.1, temperature=0.7, top_p=0.8, top_k=20)),
    "qwen3": dict(
        config=dict(
            architectures=["Qwen3ForCausalLM"], model_type="qwen3", vocab_size=128, hidden_size=32,
            intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
            hidden_act="silu", max_position_embeddings=256, max_window_layers=3, rms_norm_eps=1e-6,
            rope_theta=1000000, rope_scaling=None, sliding_window=None, use_sliding_window=False,
            attention_bias=False, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)),
    "gemma2": dict(
        config=dict(
            architectures=["Gemma2ForCausalLM"], model_type="gemma2", vocab_size=112, hidden_size=32,
            intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
            hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh", max_position_embeddings=256,
            rms_norm_eps=1e-6, rope_theta=10000.0, attention_bias=False, query_pre_attn_scalar=24,
            sliding_window=8, attn_logit_softcapping=3.0, final_logit_softcapping=5.0,
            bos_token_id=2, eos_token_id=1, pad_token_id=0),
        tokens=40),
    "gemma3": dict(
        config=gemma3(sliding_window_pattern=3, rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=None),
        tokens=40),
    "gemma3-rope-parameters": dict(
        config=gemma3(
            num_hidden_layers=4,
            layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0))),
        tokens=40),
    "gpt2": dict(
        config=dict(
            architectures=["GPT2LMHeadModel"], model_type="gpt2", vocab_size=96, n_positions=64, n_ctx=64, n_embd=32,
            n_layer=3, n_head=4, activation_function="gelu_new", layer_norm_epsilon=1e-5,
            bos_token_id=95, eos_token_id=95)),
    "gpt_neox": dict(config=gpt_neox()),
    "gpt_neox-sequential": dict(config=gpt_neox(use_parallel_residual=False)),
    "phi3": dict(
        config=dict(
            architectures=["Phi3ForCausalLM"], model_type="phi3", vocab_size=112, hidden_size=48,
            intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            hidden_act="silu", max_position_embeddings=256, original_max_position_embeddings=256, rms_norm_eps=1e-5,
            rope_theta=10000.0, rope_scaling=None, sliding_window=12, attention_bias=False,
            tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=2),
        tokens=36),
}


def generator(*names):
    return np.random.default_rng(zlib.crc32("/".join(names).encode()))


def random_values(fixture, parameter, shape, is_gemma):
    """Weights that keep activations near one, make attention far from uniform, and leave no bias or norm trivial."""
    values = generator(fixture, parameter).standard_normal(shape)
    if parameter.endswith(".bias"):
        return 0.3 * values
    if "norm" in parameter or ".ln_" in parameter:
        return 0.3 * values + (0 if is_gemma else 1)
    if any(part in parameter for part in ("embed_tokens", "embed_in", "wte", "wpe")):
        return (0.3 if "wpe" in parameter else 1) * values
    inputs = shape[0] if ".c_" in parameter else shape[1]  # GPT-2's Conv1D is stored [in, out]
    attention = any(part in parameter for part in ("q_proj", "k_proj", "qkv", "query_key_value", "c_attn"))
    return (1.6 if attention else 1.2) / np.sqrt(inputs) * values


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_weights(folder, tensors, shards):
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    total = sum(tensor.nbytes for tensor in tensors.values())
    weight_map, written = {}, 0
    for name in names:
        shard = min(written * shards // total, shards - 1) + 1
        weight_map[name] = f"model-{shard:05}-of-{shards:05}.safetensors"
        written += tensors[name].nbytes
    for file in sorted(set(weight_map.values())):
        part = {name: tensors[name] for name in names if weight_map[name] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def logits_of(folder, ids, dtype=torch.float32, config="config.json"):
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, config=AutoConfig.from_pretrained(folder / config), dtype=dtype, attn_implementation="eager", output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report.get(kind):
            raise SystemExit(f"{folder.name}: {kind}: {report[kind]}")
    with torch.no_grad():
        return model.eval()(torch.from_numpy(ids)[None], use_cache=False).logits[0].numpy()


def make(name, folder, config, tokens=32, generation=None, shards=1):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    source = folder / "config.legacy.json"
    write_json(source, config | {"torch_dtype": "float32"})
    if generation:
        write_json(folder / "generation_config.json", generation)

    # Let transformers write the config and name the tensors (tied heads and buffers drop out), then fill them.
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source), dtype=torch.float32)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        shutil.copyfile(Path(scratch) / "config.json", folder / "config.json")
        shapes = {key: value.shape for key, value in load_file(Path(scratch) / "model.safetensors").items()}
    written = json.loads((folder / "config.json").read_text())
    is_legacy = "rope_parameters" in written and "rope_parameters" not in config
    if not is_legacy:
        source.unlink()

    is_gemma = config["model_type"].startswith("gemma")
    tensors = {key: np.ascontiguousarray(random_values(name, key, shape, is_gemma), np.float32)
               for key, shape in shapes.items()}
    write_weights(folder, tensors, shards)

    ids = generator(name, "input_ids").integers(0, config["vocab_size"], tokens, dtype=np.int64)
    logits = logits_of(folder, ids)
    if is_legacy and not np.array_equal(logits_of(folder, ids, config=source.name), logits):
        raise SystemExit(f"{name}: {source.name} gives other logits than config.json")
    save_file({"input_ids": ids, "logits": np.ascontiguousarray(logits, np.float32)}, folder / "expected.safetensors")

    size = sum(file.stat().st_size for file in folder.glob("model*.safetensors"))
    if size > MAXIMUM_BYTES:
        raise SystemExit(f"{name}: weights take {size} bytes")
    rounding = np.abs(logits_of(folder, ids, torch.float64) - logits).max()
    print(f"{name:24} {size:7} bytes  {tokens} tokens  logits rms {np.sqrt((logits ** 2).mean()):.2f}"
          f"  float32 against float64 {rounding:.1e}")


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=here.parent / "Fixtures" / "Models")
    parser.add_argument("--only", nargs="*", choices=sorted(FIXTURES))
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name, fixture in FIXTURES.items():
        if not options.only or name in options.only:
            make(name, options.out / name, **fixture)


if __name__ == "__main__":
    main()
