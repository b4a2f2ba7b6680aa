#!/usr/bin/env python3
"""Store llama.cpp's logits for the first tokens of a text, as a reference for a GGUF model.

Writes safetensors with
  input_ids  I64 [n]          the first n ids of llama.cpp's tokenizer, BOS included if the model asks for it
  logits     F32 [n, vocab]   one forward pass over them

To make the result a float32 reference, give a GGUF whose tensors are all F32 (quantized weights make
llama.cpp quantize the activations too). The KV cache is F32 and flash attention is off.

Made with: llama-cpp-python==0.3.36 safetensors==0.8.0 numpy==2.4.6

Usage: llama_cpp_logits.py MODEL.gguf TEXT N OUT.safetensors [--threads T]
"""

import argparse
from pathlib import Path

import numpy as np
from llama_cpp import GGML_TYPE_F32, Llama
from safetensors.numpy import save_file

CONTEXT = 512
BYTES_PER_TOKEN = 64  # more text than this per token is never needed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("tokens", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not 0 < options.tokens <= CONTEXT:
        parser.error(f"the number of tokens must be between 1 and {CONTEXT}")

    model = Llama(
        str(options.model), n_ctx=CONTEXT, n_batch=CONTEXT, n_ubatch=CONTEXT, logits_all=True, flash_attn=False,
        type_k=GGML_TYPE_F32, type_v=GGML_TYPE_F32, n_threads=options.threads, n_threads_batch=options.threads,
        swa_full=True, verbose=False)

    # A prefix of the text gives the same first tokens; some spare text keeps its cut end out of reach.
    text = options.text.read_bytes()[: BYTES_PER_TOKEN * (options.tokens + 64)]
    ids = model.tokenize(text, add_bos=True, special=False)[: options.tokens]
    if len(ids) < options.tokens:
        raise SystemExit(f"the text has only {len(ids)} tokens")

    model.eval(ids)
    logits = np.array(model.scores[: options.tokens], np.float32)
    save_file({"input_ids": np.array(ids, np.int64), "logits": logits}, options.out)

    targets = np.array(ids[1:])
    scores = logits[:-1].astype(np.float64)
    peak = scores.max(axis=1)
    nll = np.log(np.exp(scores - peak[:, None]).sum(axis=1)) + peak - scores[np.arange(len(targets)), targets]
    starts_with_bos = ids[0] == model.token_bos()
    print(f"{options.out.name}: logits {list(logits.shape)}, starts with BOS: {starts_with_bos}, "
          f"first ids {ids[:8]}, mean negative log-likelihood {nll.mean():.5f}")


if __name__ == "__main__":
    main()
