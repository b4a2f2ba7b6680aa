"""BitLinear of BitNet b1.58 with the mean or the median: J. Nielsen and P. Schneider-Kamp,
arXiv:2407.09527."""

import numpy as np
import torch

from .fixture import away_from_ties, leaf, normal, settled, through

TEXT = """normalized = (x - mean) / √(biased variance + 1e-5) over the last axis, no parameters
(skipped when `normalizes` is false). Per row a = 128 / max(largest |normalized|, 1e-5), inputCodes
= clamp(round(a normalized), -128, 127). g = 1 / max(measure |weight|, 1e-5) with the mean or the
lower median, weightCodes = clamp(round(g weight), -1, 1). With warm-up share λ, q(v) = v + λ
stopgrad(codes - v): output = q(a normalized) q(g weight)ᵀ / (a g) + bias. a and g are constants in
the backward pass, rounding and clamping are the identity (no mask). gradient.* answer
`upstream`."""


def bitlinear(x, weight, bias, measure, share, normalizes):
    """Output and the intermediate values."""
    normalized = x
    if normalizes:
        normalized = (x - x.mean(-1, keepdim=True)) / torch.sqrt(
            x.var(-1, correction=0, keepdim=True) + 1e-5)
    a = 128 / normalized.detach().abs().amax(-1, keepdim=True).clamp(min=1e-5)
    size = weight.detach().abs()
    g = 1 / (size.mean() if measure == "mean" else size.flatten().median()).clamp(min=1e-5)
    scaled, heavy = a * normalized, g * weight
    away_from_ties(scaled)
    away_from_ties(heavy)
    codes = scaled.round().clamp(-128, 127)
    trits = heavy.round().clamp(-1, 1)
    xq, wq = (through(v + share * (c - v), v) for v, c in ((scaled, codes), (heavy, trits)))
    return xq @ wq.T / (a * g) + bias, dict(
        normalized=normalized, inputScales=a, inputCodes=codes.detach().int(), weightScale=g,
        weightCodes=trits.detach().int())


def add(fixture):
    fixture.define("bitlinear", TEXT)
    settled(case, fixture, "median", "median", 1.0, True)
    settled(case, fixture, "mean", "mean", 1.0, True)
    settled(case, fixture, "warmup", "median", 0.4, True)
    settled(case, fixture, "bare", "mean", 1.0, False)


def case(fixture, label, measure, share, normalizes):
    name = f"bitlinear/{label}"
    arrays = dict(
        x=normal(f"{name}/x", 2, 5, 12), weight=normal(f"{name}/weight", 7, 12, scale=0.1),
        bias=normal(f"{name}/bias", 7))
    # A row of zeros meets the guard; large weights separate the median from the mean.
    arrays["x"][1, 2] = 0
    arrays["weight"][2, 3:6] *= np.float32(20)
    upstream = normal(f"{name}/upstream", 2, 5, 7)
    leaves = {key: leaf(value) for key, value in arrays.items()}
    output, parts = bitlinear(
        **leaves, measure=measure, share=share, normalizes=normalizes)
    (output * torch.tensor(upstream)).sum().backward()
    parts["weightScale"] = parts["weightScale"].reshape(1)
    gradients = {f"gradient.{key}": value.grad for key, value in leaves.items()}
    fixture.add(
        name, arrays | dict(upstream=upstream), dict(output=output) | parts | gradients,
        measure=measure, share=share, normalizes=normalizes)
