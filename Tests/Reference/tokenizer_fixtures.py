"""Trains one small tokenizer per family and stores what the reference makes of the strings.

    python3 Tests/Reference/tokenizer_fixtures.py Tests/Fixtures/Tokenizers [--train]

needs `tokenizers` (written with 0.23.3). Tokenizers that are stored stay as they are, since
training breaks ties by chance; `--train` makes them anew. Files:
    strings.bin        the strings of tokenizer_strings.py
    <family>.json      a tokenizer.json
    <family>.digests   per string two little-endian CRC-32 values: of the ids, and of the texts
                       that they decode to (see `digests`)
    patterns.digests   the same for the pieces of each known split pattern
"""

import json
import pathlib
import struct
import sys
import zlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_strings import corpus, make_strings, pack

SPLITS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen35": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "tekken": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "gpt4o": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def added(text, **options):
    options = {"normalized": False, "special": True, **options}
    return AddedToken(text, **options)


def byte_level(pre, specials, normalizer=None, size=1300, ignore_merges=False, post=None, extra=()):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[added(s) for s in specials], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens(list(extra))
    if post:
        tokenizer.post_processor = post(tokenizer)
    return tokenizer


def split_bytes(name):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLITS[name]), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def template(single, *names):
    def make(tokenizer):
        return processors.TemplateProcessing(
            single=single, pair=None, special_tokens=[(n, tokenizer.token_to_id(n)) for n in names])
    return make


def generate_merges(vocab, scores):
    """All ways to make each token from two others, best score first, as transformers derives them."""
    merges = []
    for piece, score in scores.items():
        local = []
        for index in range(1, len(piece)):
            left, right = piece[:index], piece[index:]
            if left in vocab and right in vocab:
                local.append((left, right, score))
        merges += sorted(local, key=lambda m: (vocab[m[0]], vocab[m[1]]))
    merges.sort(key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)
    return [(left, right) for left, right, _ in merges]


def sentencepiece_bpe(specials, prepend, size, extra=()):
    """A vocabulary as SentencePiece makes them: byte tokens, pieces over spaces, merges by score."""
    trainer_tokenizer = Tokenizer(models.BPE())
    trainer_tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer_tokenizer.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=230))
    pieces = sorted(trainer_tokenizer.get_vocab().items(), key=lambda item: item[1])
    tokens = specials + ["<0x%02X>" % b for b in range(256)] + [p for p, _ in pieces]
    tokens += ["\u2581" * n for n in (2, 3, 4, 8)] + ["ab\u2581", ">\u2581<"]
    tokens = list(dict.fromkeys(tokens))
    vocab = {token: i for i, token in enumerate(tokens)}
    scores = {t: -float(i) for t, i in vocab.items() if t not in specials and not t.startswith("<0x")}
    tokenizer = Tokenizer(models.BPE(
        vocab=vocab, merges=generate_merges(vocab, scores), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    if prepend:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replace])
        tokenizer.decoder = decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)])
    else:
        tokenizer.normalizer = replace
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
        tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([added(s) for s in specials])
    tokenizer.add_tokens(list(extra))
    return tokenizer


def unigram(byte_fallback, normalizer, metaspace, specials, extra=()):
    tokenizer = Tokenizer(models.Unigram())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = metaspace
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=metaspace.prepend_scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=900, special_tokens=[added(s) for s in specials], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    state = json.loads(tokenizer.to_str())
    if byte_fallback:
        state["model"]["byte_fallback"] = True
        state["model"]["vocab"] += [["<0x%02X>" % b, -20.0] for b in range(256)]
        state["decoder"] = {"type": "Sequence", "decoders": [
            {"type": "ByteFallback"}, state["decoder"]]}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(list(extra))
    return tokenizer


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=1500, special_tokens=[added(s) for s in specials], show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = template("[CLS] $A [SEP]", "[CLS]", "[SEP]")(tokenizer)
    return tokenizer


def clip():
    """Suffixes at the ends of words, lower case, an unknown token, and no decoder of bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(),
         normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(False)])
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=1200, special_tokens=[added("<unk>"), added("<|startoftext|>"), added("<|endoftext|>")],
        end_of_word_suffix="</w>", show_progress=False, limit_alphabet=300)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([added("<Word>", special=False, normalized=True, single_word=True)])
    tokenizer.post_processor = processors.BertProcessing(
        ("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>")),
        ("<|startoftext|>", tokenizer.token_to_id("<|startoftext|>")))
    return tokenizer


def families():
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    chat = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tools = [added("<tool_call>", special=False), added("</tool_call>", special=False)]
    yield "gpt2", byte_level(plain, ["<|endoftext|>"])
    yield "llama3", byte_level(
        split_bytes("llama3"), ["<|begin_of_text|>", "<|start_header_id|>", "<|eot_id|>"], ignore_merges=True,
        post=lambda t: processors.Sequence(
            [processors.ByteLevel(), template("<|begin_of_text|> $A", "<|begin_of_text|>")(t)]))
    yield "qwen2", byte_level(split_bytes("qwen2"), chat, normalizer=normalizers.NFC(), extra=tools)
    yield "smollm", byte_level(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(True), plain]), chat)
    yield "gpt4o", byte_level(split_bytes("gpt4o"), ["<|endoftext|>"], size=900)
    yield "roberta", byte_level(
        pre_tokenizers.ByteLevel(add_prefix_space=True), ["<s>", "<pad>", "</s>", "<unk>"], size=900,
        normalizer=normalizers.NFKC(),
        extra=[added("<mask>", lstrip=True), added("<strip>", rstrip=True, lstrip=True, special=False),
               added("<word>", single_word=True, normalized=True, special=False)],
        post=lambda t: processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))))
    llama2 = sentencepiece_bpe(
        ["<unk>", "<s>", "</s>"], True, 900,
        extra=[added("<|user|>", rstrip=True), added("<word>", special=False)])
    llama2.post_processor = template("<s> $A", "<s>")(llama2)
    yield "llama2", llama2
    gemma = sentencepiece_bpe(
        ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], False, 900,
        extra=[added("\n" * n, special=False) for n in (2, 3, 4)] + [added("<table>", special=False)])
    gemma.post_processor = template("<bos> $A", "<bos>")(gemma)
    yield "gemma", gemma
    yield "unigram", unigram(
        True, None, pre_tokenizers.Metaspace(prepend_scheme="first"), ["<unk>", "<s>", "</s>"])
    yield "unigram-plain", unigram(
        False, normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
        pre_tokenizers.Metaspace(prepend_scheme="always"), ["<unk>", "<s>", "</s>", "<mask>"])
    yield "wordpiece", word_piece()
    yield "clip", clip()


def ids_bytes(ids):
    return struct.pack("<%di" % (len(ids) + 1), len(ids), *ids)


def results(tokenizer, text):
    """Ids with special tokens parsed and none added, ids the other way round, and two decodings."""
    tokenizer.encode_special_tokens = False
    parsed = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = True
    wrapped = tokenizer.encode(text, add_special_tokens=True).ids
    tokenizer.encode_special_tokens = False
    return parsed, wrapped, decode(tokenizer, parsed, False), decode(tokenizer, wrapped, True)


def decode(tokenizer, ids, skip):
    # The reference's end-of-word decoder counts from one token back and cannot take none.
    return tokenizer.decode(ids, skip_special_tokens=skip) if ids else ""


def digests(tokenizer, strings):
    data = b""
    for string in strings:
        parsed, wrapped, text, skipped = results(tokenizer, string.decode("utf-8", "replace"))
        data += struct.pack(
            "<II", zlib.crc32(ids_bytes(parsed) + ids_bytes(wrapped)),
            zlib.crc32(text.encode() + b"\0" + skipped.encode()))
    return data


def main(folder, trains):
    folder.mkdir(parents=True, exist_ok=True)
    strings = make_strings()
    (folder / "strings.bin").write_bytes(pack(strings))
    print(len(strings), "strings")
    if trains:
        for name, tokenizer in families():
            (folder / (name + ".json")).write_text(tokenizer.to_str(), encoding="utf-8")
    for path in sorted(folder.glob("*.json")):
        name = path.stem
        if name == "patterns":
            continue
        text = path.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text)
        (folder / (name + ".digests")).write_bytes(digests(tokenizer, strings))
        print(name, tokenizer.get_vocab_size(), "tokens", len(text.encode()), "bytes")
    data = b""
    for name, expression in SPLITS.items():
        split = pre_tokenizers.Split(Regex(expression), "isolated")
        for string in strings:
            pieces = [p.encode() for p, _ in split.pre_tokenize_str(string.decode("utf-8", "replace"))]
            lengths = [len(p) for p in pieces]
            data += struct.pack("<I", zlib.crc32(ids_bytes(lengths)))
    (folder / "patterns.digests").write_bytes(data)
    (folder / "patterns.json").write_text(json.dumps(SPLITS, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), "--train" in sys.argv)
