"""The CNN whitepaper: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient
inference", arXiv:1806.08342."""

import numpy as np
import torch
import torch.nn.functional as F

from .fixture import NearTie, away_from_ties, generator, leaf, normal, settled, through

TEXT = """affine: low = min(low, 0), high = max(high, 0), step = (high - low) / (2^bits - 1), zero
= clamp(round(-low / step), 0, 2^bits - 1), range = (-zero step, (2^bits - 1 - zero) step); codes =
clamp(round(x / step) + zero, 0, 2^bits - 1), value = (codes - zero) step; the gradient passes
where the range, both ends included, holds x. symmetric: per first axis step = largest |w| /
(2^(bits-1) - 1), codes = clamp(round(w / step), -(2^(bits-1) - 1), 2^(bits-1) - 1). fold: batch
mean and biased variance of the convolution by the float weight; sB = √(batch variance + epsilon),
s = √(running variance + epsilon), folded = weight gain / s, quantized by the symmetric rule with
the step as a constant and the identity as its gradient. Before freezing: output = conv(x,
Q(folded)) s / sB + offset - gain mean_B / sB, and gradients pass through mean_B and sB too;
frozen: output = conv(x, Q(folded)) + offset - gain mean / s. bits 0: no quantizer, so that `batch`
is batch norm itself. integer: accumulator = sum of (w) (x - zero), the padding holding the code
`zero`."""


def affine(fixture, label, bits, low, high):
    name = f"whitepaper/affine.{label}"
    x, upstream = normal(f"{name}/x", 4, 8, scale=1.5), normal(f"{name}/upstream", 4, 8)
    top = (1 << bits) - 1
    low, high = np.float64(np.float32(min(low, 0))), np.float64(np.float32(max(high, 0)))
    step = (high - low) / top
    away_from_ties(-low / step)
    zero = np.clip(np.round(-low / step), 0, top)
    scaled = x.astype(np.float64) / step
    away_from_ties(scaled)
    codes = np.clip(np.round(scaled) + zero, 0, top)
    ends = np.array([-zero * step, (top - zero) * step])
    if np.abs(x[..., None] - ends).min() <= 1e-4:
        raise NearTie
    inside = (x >= ends[0]) & (x <= ends[1])
    fixture.add(
        name, dict(x=x, upstream=upstream),
        {"step": step.reshape(1), "zero": np.array([int(zero)]), "range": ends,
         "codes": codes.astype(np.int32), "value": (codes - zero) * step,
         "gradient.x": upstream * inside},
        bits=bits, low=float(low), high=float(high))


def symmetric(weight, bits):
    """Value with its gradient, codes and steps per first axis."""
    top = (1 << bits - 1) - 1
    step = weight.detach().abs().flatten(1).amax(1) / top
    step = step.reshape((-1,) + (1,) * (weight.ndim - 1))
    away_from_ties(weight / step)
    codes = (weight.detach() / step).round().clamp(-top, top)
    return through(codes * step, weight), codes.int(), step.flatten()


def folded(fixture, bits, frozen):
    name = f"whitepaper/fold.{'frozen' if frozen else 'batch'}{bits}"
    arrays = dict(
        x=normal(f"{name}/x", 4, 3, 6, 6) + np.float32(0.3),
        weight=normal(f"{name}/weight", 5, 3, 3, 3, scale=0.3),
        gain=normal(f"{name}/gain", 5, scale=0.3) + np.float32(1), offset=normal(f"{name}/o", 5))
    mean = normal(f"{name}/mean", 5, scale=0.2)
    variance = generator(f"{name}/variance").uniform(0.8, 3, 5).astype(np.float32)
    epsilon = 1e-3
    upstream = normal(f"{name}/upstream", 4, 5, 6, 6)
    leaves = {key: leaf(value) for key, value in arrays.items()}
    x, weight, gain, offset = leaves.values()
    float_output = F.conv2d(x, weight, padding=1)
    batch_mean = float_output.mean((0, 2, 3))
    batch_variance = float_output.var((0, 2, 3), correction=0)
    s = torch.sqrt(torch.tensor(variance).double() + epsilon)
    sb = torch.sqrt(batch_variance + epsilon)
    inner = weight * (gain / s)[:, None, None, None]
    value, codes, steps = symmetric(inner, bits) if bits else (inner, None, None)
    y = F.conv2d(x, value, padding=1)
    each = (slice(None), None, None)
    if frozen:
        output = y + (offset - gain * torch.tensor(mean).double() / s)[each]
    else:
        output = y * (s / sb)[each] + (offset - gain * batch_mean / sb)[each]
    if not bits and not frozen:
        theirs = F.batch_norm(float_output, None, None, gain, offset, True, 0, epsilon)
        torch.testing.assert_close(output, theirs, rtol=1e-10, atol=1e-10)
    (output * torch.tensor(upstream)).sum().backward()
    results = dict(
        batchMean=batch_mean, batchVariance=batch_variance, folded=inner, value=value,
        output=output) | {f"gradient.{key}": value.grad for key, value in leaves.items()}
    if bits:
        results |= dict(codes=codes, steps=steps)
    fixture.add(
        name, arrays | dict(mean=mean, variance=variance, upstream=upstream), results, bits=bits,
        frozen=frozen, epsilon=epsilon, padding=1, stride=1)


def channels(fixture, bits):
    name = f"whitepaper/symmetric{bits}"
    weight, upstream = normal(f"{name}/w", 4, 3, 3), normal(f"{name}/upstream", 4, 3, 3)
    tracked = leaf(weight)
    value, codes, steps = symmetric(tracked, bits)
    (value * torch.tensor(upstream)).sum().backward()
    fixture.add(
        name, dict(weight=weight, upstream=upstream),
        {"codes": codes, "steps": steps, "value": value, "gradient.weight": tracked.grad},
        bits=bits)


def add(fixture):
    fixture.define("whitepaper", TEXT)
    for label, bits, low, high in (
        ("spanning", 8, -1.7, 2.3), ("positive", 8, 0.4, 2.9), ("negative", 4, -2.2, -0.3),
        ("coarse", 4, -1.1, 2.0), ("two", 2, -0.9, 1.6),
    ):
        settled(affine, fixture, label, bits, low, high)
    for bits in (8, 4):
        settled(channels, fixture, bits)
    for bits in (0, 8, 4):
        for frozen in (False, True):
            settled(folded, fixture, bits, frozen)
    name = "whitepaper/integer"
    random = generator(name)
    x = random.integers(0, 256, (1, 2, 5, 5))
    weight = random.integers(-127, 128, (3, 2, 3, 3))
    zero = 119
    sums = F.conv2d(torch.tensor(x - zero), torch.tensor(weight), padding=1)
    fixture.add(name, dict(x=x, weight=weight), dict(accumulators=sums), zero=zero, padding=1)
