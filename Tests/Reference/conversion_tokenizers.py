#!/usr/bin/env python3
"""Compare a tokenizer.json with the vocabulary of the GGUF file that it was converted from.

The file is read by the package tokenizers, the vocabulary by llama.cpp through llama_cpp, on the
strings of tokenizer_strings.py that are UTF-8. llama.cpp never composes characters; where the
tokenizer does, the strings are composed first.

Usage: conversion_tokenizers.py MODEL.gguf TOKENIZER.json [COUNT]
Exit code 1 when any string differs; prints the first of them.
"""

import json
import sys
import unicodedata

from llama_cpp import Llama
from tokenizers import Tokenizer

from tokenizer_strings import make_strings


def main():
    model, path = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    reference = Llama(model, vocab_only=True, verbose=False)
    tokenizer = Tokenizer.from_file(path)
    document = json.load(open(path))
    composes = (document.get("normalizer") or {}).get("type") == "NFC"
    # llama.cpp makes this token special by its name, even where it is ordinary text as in Qwen's.
    skipped = None if any(t["content"] == "</s>" for t in document["added_tokens"]) else "</s>"
    compared = 0
    failures = []
    strings = make_strings()
    for data in strings[:: max(len(strings) // count, 1)]:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if composes:
            text = unicodedata.normalize("NFC", text)
        if skipped and skipped in text:
            continue
        compared += 1
        wanted = reference.tokenize(text.encode(), add_bos=True, special=True)
        found = tokenizer.encode(text).ids
        if wanted != found:
            failures.append((text, wanted, found))
    for text, wanted, found in failures[:5]:
        start = next(
            (i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), min(len(wanted), len(found)))
        print(f"{text!r}\n  llama.cpp  …{wanted[start:start + 8]}\n  tokenizers …{found[start:start + 8]}")
    print(f"{compared - len(failures)} of {compared} strings are encoded alike")
    return 1 if failures or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
