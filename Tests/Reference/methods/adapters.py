"""Low-bit adapters: S. Jie et al., "Revisiting the Parameter Efficiency of Adapters from the
Perspective of Precision Redundancy", arXiv:2307.16867."""

from statistics import NormalDist

import numpy as np
import torch

from .fixture import NearTie, leaf, normal, settled, through

TEXT = """levels of b bits: from zeros, 500 times: boundaries r_i = (v_i + v_{i+1}) / 2, masses c =
0, Phi(r_i), 1, v_i = Phi^-1 of the middle of its two masses. For a matrix: m = mean, s = unbiased
standard deviation, u = (weight - m) / (s + 1e-5), code = number of boundaries <= u, value =
levels[code] s + m. Backward: the level counts as u itself, m and s are functions of the weight.
packed: 8 / b codes to a byte, the first in the lowest bits, the last byte filled with zeros.
adapter: output = x + scale · ReLU(x downᵀ) upᵀ, both matrices through the quantizer."""


def levels(bits):
    """The code of the standard normal, and its boundaries."""
    bell, code = NormalDist(), [0.0] * (1 << bits)
    for _ in range(500):
        middle = [(a + b) / 2 for a, b in zip(code, code[1:])]
        mass = [0.0] + [bell.cdf(r) for r in middle] + [1.0]
        code = [bell.inv_cdf((a + b) / 2) for a, b in zip(mass, mass[1:])]
    return np.array(code), np.array([(a + b) / 2 for a, b in zip(code, code[1:])])


def quantized(weight, bits):
    """Value for the forward pass with its gradient, codes, mean and deviation."""
    code, boundaries = (torch.tensor(part) for part in levels(bits))
    m, s = weight.mean(), weight.std()
    u = (weight - m) / (s + 1e-5)
    # Boundaries play the part of ties here.
    distance = (u.detach().flatten()[:, None] - boundaries).abs().min()
    if distance <= 2e-4:
        raise NearTie
    chosen = (u.detach()[..., None] >= boundaries).sum(-1)
    return through(code[chosen], u) * s + m, chosen, m, s


def packed(codes, bits):
    """Bytes, the first code in the lowest bits."""
    per = 8 // bits
    flat = codes.flatten().tolist()
    flat += [0] * (-len(flat) % per)
    return np.array([
        sum(code << bits * place for place, code in enumerate(flat[start:start + per]))
        for start in range(0, len(flat), per)])


def add(fixture):
    fixture.define("adapters", TEXT)
    # The paper's figures for one and two bits, and the ends of four.
    np.testing.assert_allclose(levels(1)[0][1:], [0.6745], atol=5e-5)
    np.testing.assert_allclose(levels(2)[0][2:], [0.3778, 1.2657], atol=5e-5)
    np.testing.assert_allclose(levels(4)[0][[8, 15]], [0.1056, 2.2655], atol=5e-5)
    for bits in (1, 2, 3, 4):
        code, boundaries = levels(bits)
        fixture.add(
            f"adapters/levels{bits}", {}, dict(levels=code, boundaries=boundaries), bits=bits)
    for bits in (1, 2, 4):
        settled(matrix, fixture, bits)
    settled(adapter, fixture)


def matrix(fixture, bits):
    name = f"adapters/matrix{bits}"
    weight = normal(f"{name}/weight", 7, 5, scale=0.03) + np.float32(0.01)
    upstream = normal(f"{name}/upstream", 7, 5)
    tracked = leaf(weight)
    value, chosen, m, s = quantized(tracked, bits)
    (value * torch.tensor(upstream)).sum().backward()
    fixture.add(
        name, dict(weight=weight, upstream=upstream),
        {"codes": chosen, "packed": packed(chosen, bits), "mean": m.reshape(1),
         "deviation": s.reshape(1), "value": value, "gradient.weight": tracked.grad},
        bits=bits)


def adapter(fixture):
    name, bits, scale = "adapters/adapter", 1, 0.1
    arrays = dict(x=normal(f"{name}/x", 2, 3, 8), down=normal(f"{name}/down", 4, 8, scale=0.2),
                  up=normal(f"{name}/up", 8, 4, scale=0.001))
    upstream = normal(f"{name}/upstream", 2, 3, 8)
    leaves = {key: leaf(value) for key, value in arrays.items()}
    hidden = torch.relu(leaves["x"] @ quantized(leaves["down"], bits)[0].T)
    output = leaves["x"] + scale * hidden @ quantized(leaves["up"], bits)[0].T
    (output * torch.tensor(upstream)).sum().backward()
    fixture.add(
        name, arrays | dict(upstream=upstream),
        dict(output=output) | {f"gradient.{key}": value.grad for key, value in leaves.items()},
        bits=bits, scale=scale)
