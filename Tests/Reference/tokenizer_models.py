"""Writes what the reference makes of the strings with the vocabularies of real models.

    python3 Tests/Reference/tokenizer_models.py OUT SHARED MODELS

needs `tokenizers` and `gguf`; with `llama_cpp` its ids are written as well. SHARED holds
data/tokenizers and data/lm, MODELS holds GGUF files and folders of models; what is absent is left
out. For each model, OUT gets a folder with
    tokenizer.json   the tokenizer as the model's authors configured it
    vocabulary.json  the tokenizer's metadata of the GGUF file
    results.bin      per string: ids with special tokens parsed, ids with none parsed and the
                     opening and closing ones added, and the text of each; counts are 32 bits
    llama.bin        per string: llama.cpp's ids with special tokens parsed
    cases.json       pairs of a text and its ids from a file of cases beside the vocabulary
"""

import json
import pathlib
import struct
import sys

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tokenizer_fixtures import SPLITS, generate_merges, ids_bytes, results, template
from tokenizer_strings import make_strings, pack

KEYS = {
    "bosID": "bos_token_id", "eosID": "eos_token_id", "eotID": "eot_token_id", "unknownID": "unknown_token_id",
    "separatorID": "seperator_token_id", "paddingID": "padding_token_id", "maskID": "mask_token_id",
    "addsBOS": "add_bos_token", "addsEOS": "add_eos_token", "addsSpacePrefix": "add_space_prefix",
}


def read_vocabulary(path, name):
    fields = gguf.GGUFReader(path).fields

    def get(key):
        field = fields.get("tokenizer.ggml." + key)
        return None if field is None else field.contents()

    vocabulary = {key: get(key) for key in ("model", "pre", "tokens", "scores", "merges")}
    vocabulary["types"] = get("token_type")
    for key, stored in KEYS.items():
        vocabulary[key] = get(stored)
    tokens = vocabulary["tokens"]
    vocabulary["rightStrippedIDs"] = []
    if name == "phi-3":
        kept = ("<unk>", "<s>", "<|endoftext|>")
        vocabulary["rightStrippedIDs"] = [
            i for i, t in enumerate(tokens)
            if (vocabulary["types"][i] == 3 and t not in kept) or t == "</s>"]
    return {key: value for key, value in vocabulary.items() if value is not None}


def add_tokens(tokenizer, vocabulary):
    stripped = set(vocabulary["rightStrippedIDs"])
    for special in (True, False):
        tokenizer.add_tokens([
            AddedToken(t, normalized=False, special=special, rstrip=i in stripped)
            for i, (t, kind) in enumerate(zip(vocabulary["tokens"], vocabulary.get("types") or []))
            if kind == (3 if special else 4)])


def byte_level(v):
    vocab = {t: i for i, t in enumerate(v["tokens"])}
    merges = [tuple(m.split(" ")) for m in v["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if v["pre"] == "gpt-2":
        tokenizer.pre_tokenizer = plain
    elif v["pre"] == "smollm":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), plain])
    elif v["pre"] == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(SPLITS["qwen2"]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    add_tokens(tokenizer, v)
    return tokenizer


def sentencepiece(v):
    vocab = {t: i for i, t in enumerate(v["tokens"])}
    scores = {t: s for t, s, kind in zip(v["tokens"], v["scores"], v["types"]) if kind in (1, 4, 5)}
    tokenizer = Tokenizer(models.BPE(
        vocab=vocab, merges=generate_merges(vocab, scores), unk_token=v["tokens"][v["unknownID"]], fuse_unk=True,
        byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    if v.get("addsSpacePrefix", True):
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace])
        tokenizer.decoder = decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)])
    else:
        tokenizer.normalizer = replace
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        tokenizer.decoder = decoders.Sequence(steps)
    add_tokens(tokenizer, v)
    if v.get("addsBOS", True):
        bos = v["tokens"][v["bosID"]]
        tokenizer.post_processor = template(bos + " $A", bos)(tokenizer)
    return tokenizer


def word_piece(v):
    def plain(token):
        if token.startswith("\u2581"):
            return token[1:]
        return token if token.startswith("[") and token.endswith("]") else "##" + token

    tokenizer = Tokenizer(models.WordPiece(
        vocab={plain(t): i for i, t in enumerate(v["tokens"])}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    add_tokens(tokenizer, v)
    tokenizer.post_processor = template("[CLS] $A [SEP]", "[CLS]", "[SEP]")(tokenizer)
    return tokenizer


def read_cases(path):
    inputs, outputs = path.with_name(path.name + ".inp"), path.with_name(path.name + ".out")
    if not inputs.exists():
        return []
    texts = inputs.read_bytes().decode("utf-8").split("\n__ggml_vocab_test__\n")
    lines = outputs.read_text().split("\n")
    return [[text, [int(x) for x in line.split()]] for text, line in zip(texts, lines)]


def llama_ids(path, strings):
    try:
        import llama_cpp
    except ImportError:
        return None
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    return b"".join(
        ids_bytes(model.tokenize(s.decode("utf-8", "replace").encode(), add_bos=False, special=True)) for s in strings)


def main(out, shared, folder):
    strings = make_strings()
    wiki = shared / "data/text/wikitext-2/wiki.test.raw"
    if wiki.exists():
        strings += [line.encode() for line in wiki.read_text(encoding="utf-8").split("\n")[:1500]]
    out.mkdir(parents=True, exist_ok=True)
    (out / "strings.bin").write_bytes(pack(strings))
    vocabularies = shared / "data/tokenizers"
    sources = {name: vocabularies / ("ggml-vocab-%s.gguf" % name) for name in ("gpt-2", "phi-3", "bert-bge")}
    sources["stories260K"] = shared / "data/lm/stories260K/stories260K-f32.gguf"
    for name, pattern in {"smollm2": "smollm2*.gguf", "qwen2.5": "qwen2.5*.gguf", "gemma3": "gemma3*.gguf"}.items():
        sources[name] = next(iter(sorted(folder.glob(pattern))), folder / "none")
    files = {"stories260K": shared / "data/lm/stories260K/tokenizer.json", "minilm": folder / "minilm/tokenizer.json"}
    for name in list(sources) + ["minilm"]:
        path, file = sources.get(name), files.get(name)
        if not ((path and path.exists()) or (file and file.exists())):
            continue
        target = out / name
        target.mkdir(exist_ok=True)
        tokenizer = None
        if path and path.exists():
            v = read_vocabulary(path, name)
            (target / "vocabulary.json").write_text(json.dumps(v, ensure_ascii=False), encoding="utf-8")
            tokenizer = {"gpt2": byte_level, "llama": sentencepiece, "bert": word_piece}[v["model"]](v)
            (target / "cases.json").write_text(json.dumps(read_cases(path)))
            if v["model"] == "llama" and (ids := llama_ids(path, strings)):
                (target / "llama.bin").write_bytes(ids)
        if file and file.exists():
            tokenizer = Tokenizer.from_file(str(file))
            tokenizer.no_truncation()
            tokenizer.no_padding()
        (target / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
        data = []
        for string in strings:
            parsed, wrapped, text, skipped = results(tokenizer, string.decode("utf-8", "replace"))
            data += [ids_bytes(parsed), ids_bytes(wrapped)]
            for part in (text.encode(), skipped.encode()):
                data += [struct.pack("<i", len(part)), part]
        (target / "results.bin").write_bytes(b"".join(data))


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:4]))
