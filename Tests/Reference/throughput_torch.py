#!/usr/bin/env python3
"""Measure how fast PyTorch trains a language model and an image classifier on processors.

Prints one JSON object: the exact shape, the settings, the median and the quartiles of the time of a
step after warm-up, steps, tokens and images per second, and the peak memory of the process as Linux
reports it (VmHWM), with what importing PyTorch alone had taken. Arithmetic is float32 throughout.
One workload per process, so that peaks do not mix.

What is measured is a whole step: forward, backward, clipping (language), optimizer, gradients
cleared. Batches lie ready in memory. Losses are read once, at the end.

Settings that were found to pay are on by default: fused optimizers, memory kept by the allocator
between steps (glibc would hand large blocks back to the system and page them in again each step;
--allocator system leaves it so), subnormals flushed, channels last for images (--no-channels-last).
--compile (a C++ compiler and about a minute, the first time) made the language model 1.1 to 1.2
times as fast with a third less memory, and the image classifier slower: compare with the language
model both ways.

Made with: torch==2.13.0 numpy==2.4.6

Usage: throughput_torch.py language|images [--threads N] [--steps K] [--warmup W] [--seconds S]
       [--compile] [--allocator keep|system] [--optimizer fused|foreach] [--no-channels-last]
       [--layers 8 --width 320 --heads 5 --mlp 864 --vocabulary 4096 --sequence 256 --batch 8|128]
"""

import argparse
import ctypes
import json
import os
import statistics
import time

KEEP_BYTES = 1 << 30


def keep_memory():
    """Tells glibc to serve large blocks from its heap and never to give memory back."""
    trim, top_pad, map_threshold = -1, -2, -3
    library = ctypes.CDLL("libc.so.6")
    library.mallopt(map_threshold, KEEP_BYTES)
    library.mallopt(trim, 2 * KEEP_BYTES - 1)
    library.mallopt(top_pad, 64 << 20)


def peak_bytes():
    """Peak resident memory of this process."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=["language", "images"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=600, help="stop after this long")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--allocator", choices=["keep", "system"], default="keep")
    parser.add_argument("--optimizer", choices=["fused", "foreach"], default="fused")
    parser.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=True)
    for name, value in dict(
            layers=8, width=320, heads=5, mlp=864, vocabulary=4096, sequence=256).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--batch", type=int)
    return parser.parse_args()


options = arguments()
if options.allocator == "keep":
    keep_memory()

import torch  # noqa: E402: the allocator is set first
from torch import nn  # noqa: E402
from training.images import ResNet  # noqa: E402
from training.language import Language, Shape  # noqa: E402


def language():
    """Model, optimizer, batches, length to clip to, and what there is to say about them."""
    batch = options.batch or 8
    shape = Shape(options.vocabulary, options.width, options.layers, options.heads, options.heads,
                  options.mlp)
    model = Language(shape, options.sequence)
    for weight in model.parameters():
        if weight.ndim >= 2:
            nn.init.normal_(weight, std=0.02)
    groups = [
        dict(params=[w for w in model.parameters() if w.ndim >= 2], weight_decay=0.1),
        dict(params=[w for w in model.parameters() if w.ndim < 2], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=1e-3, betas=(0.9, 0.95), **{options.optimizer: True})
    ids = torch.randint(options.vocabulary, (16, batch, options.sequence + 1))
    batches = [(row[:, :-1].contiguous(), row[:, 1:].contiguous()) for row in ids]
    facts = dict(
        shape=vars(shape) | dict(sequence=options.sequence, batch=batch, tied=True, biases=False),
        attention="scaled_dot_product_attention, causal",
        optimizer=f"AdamW, {options.optimizer}, clipped to 1", unit="tokens",
        units=batch * options.sequence)
    return model, optimizer, batches, 1.0, facts


def images():
    """ResNet-20 on 32×32 images with the same parts."""
    batch = options.batch or 128
    model = ResNet()
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, **{options.optimizer: True})
    batches = [
        (torch.randn(batch, 3, 32, 32).to(memory_format=layout), torch.randint(10, (batch,)))
        for _ in range(8)]
    facts = dict(
        shape=dict(
            net="ResNet-20", widths=[16, 32, 64], blocksPerStage=3, classes=10, side=32,
            channels=3, batch=batch, shortcut="1x1 convolution with batch norm where the shape "
            "changes", biases="classifier only"),
        channelsLast=options.channels_last,
        optimizer=f"SGD, {options.optimizer}, momentum 0.9, decay 5e-4", unit="images",
        units=batch)
    return model, optimizer, batches, None, facts


def main():
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    imported = peak_bytes()
    model, optimizer, batches, limit, facts = dict(language=language, images=images)[
        options.workload]()
    run = torch.compile(model) if options.compile else model
    times, losses = [], []
    started = time.perf_counter()
    for step in range(options.warmup + options.steps):
        inputs, targets = batches[step % len(batches)]
        begin = time.perf_counter()
        loss = run(inputs, targets)
        loss.backward()
        if limit:
            nn.utils.clip_grad_norm_(model.parameters(), limit, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        end = time.perf_counter()
        losses.append(loss.detach())
        if step >= options.warmup:
            times.append(end - begin)
        if end - started > options.seconds and len(times) >= 3:
            break
    final = torch.stack(losses).tolist()
    assert all(value == value for value in final), "a loss is not a number"
    median = statistics.median(times)
    quartiles = statistics.quantiles(times, n=4)
    units = facts.pop("units")
    print(json.dumps(dict(
        program="torch", version=torch.__version__, workload=options.workload,
        threads=options.threads, compiled=options.compile, allocator=options.allocator, **facts,
        parameters=sum(weight.numel() for weight in model.parameters()),
        steps=len(times), secondsPerStep=median, quartiles=[quartiles[0], quartiles[2]],
        fastest=min(times), stepsPerSecond=1 / median, unitsPerSecond=units / median,
        peakBytes=peak_bytes(), importedBytes=imported, loadAverage=os.getloadavg()[0],
        losses=[final[0], final[-1]])))


if __name__ == "__main__":
    main()
