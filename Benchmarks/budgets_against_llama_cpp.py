#!/usr/bin/env python3
"""Budgets of `halftone compress` against llama.cpp's quantizer, both on the same text in one run.

For each seed the articles of a calibration text are shuffled. llama.cpp reads the result for its
importance matrix (`--chunks` windows of it) and quantizes a twin of the model, padded with zeros so
that every one of its types fits; `halftone compress` reads it and spends no more bits per weight of
the layers, the table in 6 bits (in Q6_K there). Both files are measured by `halftone eval` against
the float model on another text. With `--equal-bytes` the twin is compressed by both, into GGUF files
of the same bytes. With `--free-table` the table's bytes go where they are worth most, to the layers, too: bytes
are the same in all then, not layer by layer.

Needs Python's standard library, and llama.cpp's llama-imatrix and llama-quantize.

    python3 Benchmarks/budgets_against_llama_cpp.py --halftone .build/release/halftone \\
        --llama-cpp build/bin --model float.gguf --twin padded.gguf --calibration valid.txt \\
        --text test.txt --types IQ3_XXS,IQ2_S --seeds 3

Goes on where it was interrupted: results are kept in `--work`.
"""

import argparse
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

# Bits of a weight of int6 codes in groups of 64 with binary16 scales.
TABLE_BITS = 6.25


def run(*command):
    """Runs a command and gives what it prints and how long it took."""
    began = time.monotonic()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout, time.monotonic() - began


class Bench:
    """The files and results of one run, in a folder."""

    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.results = self.work / "results.json"
        self.known = json.loads(self.results.read_text()) if self.results.exists() else {}

    def once(self, name, make):
        """A result that is computed unless it is known."""
        if name not in self.known:
            self.known[name] = make()
            self.results.write_text(json.dumps(self.known, indent=1))
            print(name, self.known[name], file=sys.stderr, flush=True)
        return self.known[name]

    def calibration(self, seed):
        """The calibration text with its articles in another order."""
        text = pathlib.Path(self.options.calibration).read_text()
        articles = re.split(r"(?m)^(?= = [^=].* = $)", text)
        random.Random(seed).shuffle(articles)
        path = self.work / f"calibration-{seed}.txt"
        path.write_text("".join(articles))
        return path

    def measured(self, path, against):
        """Divergence and perplexity by the protocol of `halftone eval`."""
        printed, _ = run(
            self.options.halftone, "eval", path, "--against", against, "--text", self.options.text,
            "--windows", self.options.windows, "--quiet", "--json")
        found = json.loads(printed)
        return {"kl": found["divergence"]["mean"], "perplexity": found["perplexity"]}

    def layers(self, path):
        """Bits of a weight of the layers, and the share of matrix weights that are in them."""
        found = json.loads(run(self.options.halftone, "inspect", path, "--json", "--quiet")[0])
        parts = {part["name"]: part for part in found["parts"] if part["name"] != "norms"}
        weights = {name: 8 * part["bytes"] / part["bitsPerWeight"] for name, part in parts.items()}
        names = ["attention", "perceptrons"]
        count = sum(weights[name] for name in names)
        bits = 8 * sum(parts[name]["bytes"] for name in names) / count
        return bits, count / sum(weights.values())

    def importance(self, seed):
        """llama.cpp's importance matrix of the twin."""
        path = self.work / f"importance-{seed}.gguf"
        if not path.exists():
            run(self.options.llama_cpp / "llama-imatrix", "-m", self.options.twin, "-f",
                self.calibration(seed), "-o", path, "-c", 512, "--no-ppl", "--chunks",
                self.options.chunks)
        return path

    def theirs(self, kind, seed):
        """llama.cpp's file of a type, and what it is worth."""
        path = self.work / f"{kind}.gguf"
        _, seconds = run(
            self.options.llama_cpp / "llama-quantize", "--imatrix", self.importance(seed),
            "--token-embedding-type", "q6_k", self.options.twin, path, kind)
        found = self.measured(path, self.options.twin)
        found.update(bytes=path.stat().st_size, seconds=seconds, bits=self.layers(path)[0])
        path.unlink()
        return found

    def ours(self, theirs, seed):
        """What `halftone compress` makes of at most as many bits, or of as many bytes."""
        if self.options.equal_bytes:
            model, output = self.options.twin, self.work / "ours.gguf"
            budget = ["--size", theirs["bytes"]]
        else:
            share = self.layers(self.options.model)[1]
            bits = round(theirs["bits"] * share + TABLE_BITS * (1 - share) - 0.0005, 3)
            model, output = self.options.model, self.work / "ours"
            budget = ["--bits", bits]
            if self.options.order:
                budget += ["--order", self.options.order]
            if not self.options.free_table:
                budget += ["--embedding", "int6"]
        printed, seconds = run(
            self.options.halftone, "compress", model, *budget, "--effort", self.options.effort,
            "--calibration", self.calibration(seed), "-o", output, "--force", "--json", "--quiet")
        job = json.loads(printed)
        found = self.measured(output, model)
        found.update(bytes=job["fileBytes"], seconds=seconds, memory=job["peakMemoryBytes"])
        return found

    def row(self, kind):
        """Both programs on all seeds."""
        pairs = []
        for seed in range(1, self.options.seeds + 1):
            theirs = self.once(f"{kind} {seed} theirs", lambda: self.theirs(kind, seed))
            table = "free table" if self.options.free_table else ""
            name = f"{kind} {seed} ours {self.options.effort} {self.options.order or ''} {table}"
            name = " ".join(name.split())
            pairs.append((theirs, self.once(name, lambda: self.ours(theirs, seed))))
        return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--halftone", required=True)
    parser.add_argument("--llama-cpp", required=True, type=pathlib.Path)
    parser.add_argument("--model", required=True, help="the float model")
    parser.add_argument("--twin", required=True, help="the same, padded, as a float GGUF file")
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--text", required=True, help="what is measured on")
    parser.add_argument("--types", default="IQ2_XXS,IQ2_S,IQ3_XXS,IQ3_S")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--chunks", type=int, default=64, help="windows of the importance matrix")
    parser.add_argument("--effort", default="default")
    parser.add_argument("--order", choices=["automatic", "coded"])
    parser.add_argument("--equal-bytes", action="store_true")
    parser.add_argument("--free-table", action="store_true", help="bytes are equal in all alone")
    parser.add_argument("--work", default="budget-bench")
    options = parser.parse_args()
    if options.equal_bytes and (options.order or options.free_table):
        parser.error("--equal-bytes compresses into GGUF files: no --order and no --free-table")
    bench = Bench(options)
    print("type       bits     KL theirs   KL ours   ratio of each seed    median   minutes")
    for kind in options.types.split(","):
        pairs = bench.row(kind)
        ratios = [ours["kl"] / theirs["kl"] for theirs, ours in pairs]
        print(
            f"{kind:8} {statistics.median(t['bits'] for t, _ in pairs):6.2f}"
            f" {statistics.median(t['kl'] for t, _ in pairs):11.4f}"
            f" {statistics.median(o['kl'] for _, o in pairs):11.4f}   "
            + " ".join(f"{ratio:.2f}" for ratio in ratios)
            + f"   {statistics.median(ratios):.2f}"
            + f"   {statistics.median(o['seconds'] for _, o in pairs) / 60:.1f}", flush=True)


if __name__ == "__main__":
    main()
