#!/usr/bin/env python3
"""Write the losses of two short PyTorch trainings under Tests/Fixtures/Training.

Both start from stored weights and take their batches from a stream of integers that is made again
in a few lines (training/stream.py says how; so does the JSON), so that another implementation can
follow them step by step.

  language.safetensors   initial weights, checkpoint names of the Llama architecture
  images.safetensors     initial weights, and after.N.NAME: running statistics after step N
  training.json          for "language" and "images": shape, batches, optimizer, learning rates and
    losses               of each step before its update, in float32
    exactLosses          the same training in float64
    shakenLosses         the same in float32 from initial weights that were each moved to the next
                         float32 up or down: how far two correct float32 programs may part
    norms                length of the whole gradient of each step, before clipping
    first                per parameter, of the first step's gradient (before clipping): its length,
                         its sum and its first four elements, in float64
    last                 per parameter, the length of its final value (float32 run, and exact)
    batches              the checksums that tell whether the stream was made right: sum of
                         (position + 1) · number mod 2³² over tokens, labels, and 64 · pixels

Made with: torch==2.13.0 safetensors==0.8.0 numpy==2.4.6

Usage: training_curves.py [--out DIR] [--steps 200] [--only language|images] [--threads 1]
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from training import stream
from training.images import SmallNet
from training.language import Language, Shape, rate

SHAPE = Shape(vocabulary=256, width=64, layers=2, heads=4, keyHeads=2, mlp=172)


def language_optimizer(model):
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    gains = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [dict(params=matrices, weight_decay=0.1), dict(params=gains, weight_decay=0.0)]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)


def image_optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)


def language_batch(step):
    batch = stream.tokens(step)
    return batch[:, :-1], batch[:, 1:]


TRAININGS = {
    "language": dict(
        make=lambda: Language(SHAPE, stream.SEQUENCE), batch=language_batch,
        optimizer=language_optimizer, peak=3e-3, warmup=20, floor=3e-4, clip=1.0),
    "images": dict(
        make=SmallNet, batch=stream.pictures, optimizer=image_optimizer,
        peak=0.05, warmup=20, floor=0.0, clip=None),
}


def initial(training):
    """Seeded float32 weights: matrices N(0, 2 / (inputs + outputs)) with convolutions N(0, 2 /
    inputs), embedding and classifier N(0, 0.02²), gains 1 and biases 0."""
    random = np.random.default_rng(3)
    weights = {}
    for name, weight in training["make"]().named_parameters():
        shape = tuple(weight.shape)
        if "embed" in name or "head" in name and len(shape) == 2:
            value = random.standard_normal(shape) * 0.02
        elif len(shape) == 4:
            value = random.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
        elif len(shape) == 2:
            value = random.standard_normal(shape) * math.sqrt(2 / sum(shape))
        else:
            value = np.ones(shape) if name.endswith("weight") else np.zeros(shape)
        weights[name] = value.astype(np.float32)
    return weights


def train(training, weights, dtype, steps):
    """Losses, gradient lengths, first gradients, the trained model, running statistics by step."""
    torch.set_default_dtype(dtype)
    model = training["make"]()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(torch.tensor(weights[name]))
    optimizer = training["optimizer"](model)
    losses, norms, first, kept = [], [], {}, {}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps, training["peak"], training["warmup"], training["floor"])
        inputs, targets = (torch.tensor(array) for array in training["batch"](step))
        loss = model(inputs.to(dtype) if inputs.is_floating_point() else inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first = {name: weight.grad.clone() for name, weight in model.named_parameters()}
        limit = training["clip"] or math.inf
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), limit)))
        optimizer.step()
        losses.append(loss.item())
        if step in (0, 9, steps - 1):
            for name, value in model.named_buffers():
                if "running" in name:
                    kept[f"after.{step + 1}.{name}"] = value.float().numpy().copy()
    torch.set_default_dtype(torch.float32)
    return dict(losses=losses, norms=norms, first=first, model=model, kept=kept)


def shaken(weights):
    random = np.random.default_rng(4)
    return {
        name: np.nextafter(value, np.sign(random.standard_normal(value.shape)) * np.float32(9),
                           dtype=np.float32)
        for name, value in weights.items()
    }


def digest(gradient):
    gradient = gradient.double().flatten()
    return dict(
        length=float(gradient.norm()), sum=float(gradient.sum()),
        head=[float(value) for value in gradient[:4]])


def describe(name, steps):
    """What another implementation has to know, for the JSON."""
    training = TRAININGS[name]
    rates = [rate(step, steps, training["peak"], training["warmup"], training["floor"])
             for step in range(steps)]
    common = dict(
        steps=steps, rates=rates, words=" ".join(stream.__doc__.split()),
        schedule="step t of n: peak (t + 1) / warmup while t < warmup, then floor + (peak - floor) "
        "(1 + cos(pi (t - warmup) / (n - warmup))) / 2",
        peak=training["peak"], warmup=training["warmup"], floor=training["floor"])
    if name == "language":
        batches = [stream.tokens(step) for step in (0, 1, steps - 1)]
        return common | dict(
            shape=vars(SHAPE) | dict(
                headSize=SHAPE.width // SHAPE.heads, sequence=stream.SEQUENCE, rows=stream.ROWS,
                tied=True, biases=False,
                rope="half-split, tables computed in float64 and rounded once"),
            stream=" ".join(stream.TOKENS.split()),
            batches=dict(steps=[0, 1, steps - 1], tokens=[stream.checksum(b) for b in batches],
                         head=batches[0][0].tolist()),
            optimizer="AdamW, betas 0.9 and 0.95, epsilon 1e-8 added to the root of the corrected "
            "second moment; decay 0.1 on tensors of two or more axes, none on gains: first w <- w "
            "(1 - rate decay), then the Adam step; gradients scaled by min(1, 1 / (length + 1e-6)) "
            "with the length over all parameters together")
    batches = [stream.pictures(step) for step in (0, 1, steps - 1)]
    return common | dict(
        shape=dict(channels=3, side=32, rows=stream.IMAGES, widths=[16, 32, 32, 64],
                   strides=[1, 2, 1, 2], kernel=3, padding=1, classes=10, epsilon=1e-5,
                   momentum=0.1),
        waves=stream.WAVES, stream=" ".join(stream.PICTURES.split()),
        batches=dict(steps=[0, 1, steps - 1], labels=[stream.checksum(b[1]) for b in batches],
                     pixels=[stream.checksum(b[0] * 64) for b in batches],
                     head=batches[0][1].tolist()),
        optimizer="SGD, momentum 0.9, no Nesterov, decay 5e-4 on every parameter: g <- g + decay "
        "w, v <- 0.9 v + g (v = g at first), w <- w - rate v; running statistics move by 0.1 "
        "towards the batch's mean and unbiased variance")


def text(found):
    """JSON with a line for every member of a training."""
    parts = []
    for name, value in found.items():
        if isinstance(value, dict):
            members = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(member, ensure_ascii=False)}"
                for key, member in value.items())
            parts.append(f" {json.dumps(name)}: {{\n{members}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}"


def main():
    parser = argparse.ArgumentParser()
    default = Path(__file__).resolve().parent.parent / "Fixtures" / "Training"
    parser.add_argument("--out", type=Path, default=default)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", choices=list(TRAININGS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    found = dict(madeBy="Tests/Reference/training_curves.py", torch=torch.__version__)
    for name in [options.only] if options.only else TRAININGS:
        training = TRAININGS[name]
        weights = initial(training)
        single = train(training, weights, torch.float32, options.steps)
        double = train(training, weights, torch.float64, options.steps)
        other = train(training, shaken(weights), torch.float32, options.steps)
        lengths = [{key: float(value.detach().double().norm())
                    for key, value in run["model"].named_parameters()} for run in (single, double)]
        found[name] = describe(name, options.steps) | dict(
            losses=single["losses"], exactLosses=double["losses"], shakenLosses=other["losses"],
            norms=single["norms"],
            first={key: digest(value) for key, value in double["first"].items()},
            last={key: [lengths[0][key], lengths[1][key]] for key in lengths[0]})
        path = options.out / f"{name}.safetensors"
        save_file(weights | single["kept"], path)
        path.chmod(0o644)
        for step in (0, 9, 49, 99, 149, 199):
            if step < options.steps:
                a, b, c = (run["losses"][step] for run in (single, double, other))
                print(f"{name} step {step + 1}: {b:.6f}  float32 {a / b - 1:+.1e}  "
                      f"shaken {c / b - 1:+.1e}")
    path = options.out / "training.json"
    path.write_text(text(found) + "\n")


if __name__ == "__main__":
    main()
