"""Double Rounding: arXiv:2502.01199, with the gradients of LSQ (S. Esser et al.,
arXiv:1902.08153)."""

import numpy as np

from .fixture import away_from_ties, normal, settled

TEXT = """high = clip(round(weight / scale), -2^(h-1), 2^(h-1) - 1); with D = h - bits, codes =
clip((high + 2^(D-1)) >> D, -2^(bits-1), 2^(bits-1) - 1) (halves up; D = 0: high itself); value =
codes · scale · 2^D. With v = weight / (scale 2^D) and n, p the bounds of `bits`: d value / d
weight is 1 for n < v < p, else 0; d value / d scale is 2^D (codes - v) for n < v < p, else 2^D n
or 2^D p, summed over the tensor; no further factor. codes/table lists, for each high code from
-128 to 127, the codes of 6, 4 and 2 bits, and those of floor switching (high >> D, clipped) beside
them. Activations: codes = clip(round((x - zero) / scale), 0, 2^bits - 1), value = codes scale +
zero; with v = (x - zero) / scale: d/dx 1 inside, 0 outside; d/dscale codes - v inside, else 0 or
2^bits - 1; d/dzero 0 inside, 1 outside. rates: L_b = eta(D) (L - mean of min(|gradient of scale
i|, 1)), eta = 10^(-D/2) for even D, 5 · 10^(-(D+1)/2) for odd D; not clamped here, so it can be
negative."""

HIGH = 8


def lower(high, bits):
    """Codes of fewer bits by the second rounding."""
    shift = HIGH - bits
    codes = (high + (1 << shift >> 1)) >> shift
    return np.clip(codes, -(1 << bits - 1), (1 << bits - 1) - 1)


def weights(fixture, bits):
    name = f"doublerounding/weight{bits}"
    weight, upstream = normal(f"{name}/w", 5, 8, scale=0.5), normal(f"{name}/upstream", 5, 8)
    weight[0, :2] = [2.5, -2.5]
    scale = np.float32(0.0137)
    v = weight.astype(np.float64) / np.float64(scale)
    away_from_ties(v)
    high = np.clip(np.round(v), -128, 127).astype(np.int64)
    codes, step = lower(high, bits), float(1 << HIGH - bits)
    n, p = -(1 << bits - 1), (1 << bits - 1) - 1
    v = v / step
    inside = (v > n) & (v < p)
    slope = step * np.where(inside, codes - v, np.where(v <= n, n, p))
    fixture.add(
        name, dict(weight=weight, scale=scale.reshape(1), upstream=upstream),
        {"high": high, "codes": codes, "value": codes * np.float64(scale) * step,
         "gradient.weight": upstream * inside,
         "gradient.scale": (upstream * slope).sum().reshape(1)},
        bits=bits, high=HIGH)


def activations(fixture, bits, zero):
    name = f"doublerounding/activation{bits}"
    x, upstream = normal(f"{name}/x", 4, 9), normal(f"{name}/upstream", 4, 9)
    scale, zero = np.float32(3.1 / (1 << bits)), np.float32(zero)
    v = (x.astype(np.float64) - np.float64(zero)) / np.float64(scale)
    away_from_ties(v)
    top = (1 << bits) - 1
    codes = np.clip(np.round(v), 0, top)
    inside = (v > 0) & (v < top)
    slope = np.where(inside, codes - v, np.where(v <= 0, 0, top))
    fixture.add(
        name, dict(x=x, scale=scale.reshape(1), zero=zero.reshape(1), upstream=upstream),
        {"codes": codes.astype(np.int32), "value": codes * np.float64(scale) + np.float64(zero),
         "gradient.x": upstream * inside,
         "gradient.scale": (upstream * slope).sum().reshape(1),
         "gradient.zero": (upstream * ~inside).sum().reshape(1)},
        bits=bits)


def add(fixture):
    fixture.define("doublerounding", TEXT)
    for bits in (8, 7, 6, 4, 3, 2):
        settled(weights, fixture, bits)
    for bits, zero in ((8, -0.9), (4, -0.4), (2, 0.0)):
        settled(activations, fixture, bits, zero)
    high = np.arange(-128, 128)
    table = np.stack([lower(high, bits) for bits in (6, 4, 2)])
    floor = np.stack([high >> 8 - bits for bits in (6, 4, 2)])
    fixture.add("doublerounding/table", dict(high=high), dict(codes=table, floor=floor),
                bits=[6, 4, 2])
    eta = [10.0 ** (-d / 2) if d % 2 == 0 else 5 * 10.0 ** (-(d + 1) / 2) for d in range(7)]
    gradients = normal("doublerounding/rates", 6, scale=0.7).astype(np.float64)
    base = 0.5
    rates = [e * (base - np.minimum(np.abs(gradients), 1).mean()) for e in eta]
    fixture.add("doublerounding/rates", dict(gradients=gradients), dict(eta=eta, rates=rates),
                rate=base, drops=list(range(7)))
