#!/usr/bin/env python3
"""Compare a vocabulary that Halftone trained with the one that the package tokenizers trains.

Usage: bpe_training.py FOLDER

FOLDER has text.txt, tokenizer.json as Halftone wrote it, and ids.json, Halftone's ids of the text.
Exit code 1 when the reference trains other tokens or merges from the same text with the same
settings, or reads the text to other ids; prints the first difference.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers


def main():
    folder = pathlib.Path(sys.argv[1])
    text = (folder / "text.txt").read_bytes().decode("utf-8")
    document = json.loads((folder / "tokenizer.json").read_text())
    ours = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = json.loads((folder / "ids.json").read_text())
    found = ours.encode(text).ids
    if found != ids:
        at = next((i for i, (a, b) in enumerate(zip(found, ids)) if a != b), -1)
        print(f"ids differ at {at}: reference {found[at:at + 5]}, halftone {ids[at:at + 5]}")
        return 1
    reference = Tokenizer(models.BPE())
    reference.pre_tokenizer = ours.pre_tokenizer
    special = [token["content"] for token in document["added_tokens"]]
    trainer = trainers.BpeTrainer(
        vocab_size=len(document["model"]["vocab"]), min_frequency=2, special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    # The trainer knows no special tokens in text, so they are cut out for it.
    parts = [text]
    for token in special:
        parts = [piece for part in parts for piece in part.split(token)]
    reference.train_from_iterator(parts, trainer)
    trained = json.loads(reference.to_str())["model"]
    if trained["merges"] != document["model"]["merges"]:
        pairs = list(zip(trained["merges"], document["model"]["merges"]))
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), -1)
        print(f"merge {at}: reference, halftone {pairs[at:at + 2]}; "
              f"{len(trained['merges'])} and {len(document['model']['merges'])} merges")
        return 1
    if trained["vocab"] != document["model"]["vocab"]:
        print("the ids of tokens differ")
        return 1
    print(f"{len(trained['merges'])} merges and {len(ids)} ids are alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
