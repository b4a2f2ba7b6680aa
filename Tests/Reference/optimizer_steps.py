#!/usr/bin/env python3
"""Write the paths that PyTorch's optimizers take under Tests/Fixtures/Training.

optimizers.safetensors: `start` [5] and `gradients` [12, 5], F32: the gradient of step t is row t,
whatever the weights are. One path per case, F32 [12, 5]: the weights after each step.
optimizers.json: per case the class of torch.optim and its options; `clipped` cases scale each row
to at most that length first, and `rates` multiplies the learning rate of each step.

Computed in float64 from float32 inputs, so that the stored numbers are rounded once.

Made with: torch==2.13.0 safetensors==0.8.0 numpy==2.4.6

Usage: optimizer_steps.py [--out DIR]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

RATES = [0.25, 0.5, 0.75, 1, 1, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05]
CASES = {
    "sgd": ("SGD", dict(lr=0.1)),
    "sgdMomentum": ("SGD", dict(lr=0.1, momentum=0.9)),
    "sgdDamped": ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3)),
    "sgdNesterov": ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
    "sgdDecayScheduled": ("SGD", dict(lr=0.1, momentum=0.8, weight_decay=0.05, rates=RATES)),
    "sgdClipped": ("SGD", dict(lr=0.1, momentum=0.9, clipped=0.8)),
    "adam": ("Adam", dict(lr=0.05)),
    "adamCoupledDecay": ("Adam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    "adamAmsgrad": ("Adam", dict(lr=0.05, betas=(0.9, 0.9), amsgrad=True)),
    "adamW": ("AdamW", dict(lr=0.05, betas=(0.9, 0.95), weight_decay=0.1)),
    "adamWScheduled": ("AdamW", dict(lr=0.05, weight_decay=0.1, rates=RATES, clipped=1.0)),
    "adagrad": ("Adagrad", dict(lr=0.1)),
    "adagradDecayed": ("Adagrad", dict(
        lr=0.1, lr_decay=0.05, weight_decay=0.02, initial_accumulator_value=0.1, eps=1e-6)),
    "rmsProp": ("RMSprop", dict(lr=0.02, alpha=0.9, momentum=0.5)),
}


def path(kind, options, start, gradients):
    """The weights after each step."""
    options = dict(options)
    rates, limit = options.pop("rates", None), options.pop("clipped", None)
    weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = getattr(torch.optim, kind)([weight], **options)
    base, places = options["lr"], []
    for step, gradient in enumerate(gradients):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        if limit:
            nn.utils.clip_grad_norm_([weight], limit)
        if rates:
            optimizer.param_groups[0]["lr"] = base * rates[step]
        optimizer.step()
        places.append(weight.detach().numpy().copy())
    return np.array(places).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    default = Path(__file__).resolve().parent.parent / "Fixtures" / "Training"
    parser.add_argument("--out", type=Path, default=default)
    options = parser.parse_args()
    random = np.random.default_rng(11)
    start = random.standard_normal(5).astype(np.float32)
    gradients = random.standard_normal((12, 5)).astype(np.float32)
    # A parameter that never gets a gradient, and one that gets it late.
    gradients[:, 3] = 0
    gradients[:6, 4] = 0
    arrays = dict(start=start, gradients=gradients)
    for name, (kind, settings) in CASES.items():
        arrays[name] = path(kind, settings, start, gradients)
        assert np.isfinite(arrays[name]).all(), name
    options.out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(dict(optimizer=kind) | settings)}"
        for name, (kind, settings) in CASES.items())
    (options.out / "optimizers.json").write_text(
        f'{{\n "madeBy": "Tests/Reference/optimizer_steps.py",\n "torch": "{torch.__version__}",\n'
        f' "cases": {{\n{lines}\n }}\n}}\n')
    file = options.out / "optimizers.safetensors"
    save_file(arrays, file)
    file.chmod(0o644)
    print(f"{len(CASES)} cases")


if __name__ == "__main__":
    main()
