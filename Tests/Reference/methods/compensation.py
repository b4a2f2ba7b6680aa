"""GPTQ: E. Frantar et al., arXiv:2210.17323."""

import numpy as np

from .fixture import normal

GPTQ = """weight is [rows, columns], inputs [tokens, columns]. H = inputsᵀ inputs / tokens + damping
mean(diag) I, columns in `order` (natural, or by descending diagonal). U = upper Cholesky factor of
H⁻¹. For each column j in order: codes = clamp(rint(w / scale) + zero, 0, levels − 1), error = (w −
scale (codes − zero)) / U_jj, later columns −= error U_jk. A group of `group` neighbours has per row
lo = min(0, least), hi = max(0, largest), scale = (hi − lo) / (levels − 1), zero = rint(−lo /
scale): from the weights as they are when its first column is reached, or with columns by diagonal
from the original ones. codes are in the columns' own order; loss = Σ error², per column in the
order of rounding."""


def scales(weights, levels):
    """Scale and zero point of each row."""
    low = np.minimum(weights.min(1), 0)
    high = np.maximum(weights.max(1), 0)
    scale = (high - low) / (levels - 1)
    return scale, np.rint(-low / scale)


def gptq(weight, inputs, levels, group, damping, activation):
    """Codes, scales, zeros, and the loss of each column in the order of rounding."""
    w = weight.astype(np.float64)
    x = inputs.astype(np.float64)
    columns = w.shape[1]
    h = x.T @ x / len(x)
    order = np.argsort(-np.diag(h), kind="stable") if activation else np.arange(columns)
    h = h + damping * np.diag(h).mean() * np.eye(columns)
    inverse = np.linalg.inv(h[np.ix_(order, order)])
    upper = np.linalg.cholesky(inverse).T
    starts = range(0, columns, group)
    found = {first: scales(w[:, first:first + group], levels) for first in starts}
    w = w[:, order]
    codes = np.zeros(w.shape, np.int32)
    losses = np.zeros(columns)
    for j, column in enumerate(order):
        first = column // group * group
        if not activation and column == first:
            found[first] = scales(w[:, j:j + group], levels)
        scale, zero = found[first]
        q = np.clip(np.rint(w[:, j] / scale) + zero, 0, levels - 1)
        codes[:, column] = q
        error = (w[:, j] - scale * (q - zero)) / upper[j, j]
        losses[j] = (error**2).sum()
        w[:, j + 1:] -= np.outer(error, upper[j, j + 1:])
    return (codes, np.stack([found[first][0] for first in starts], 1),
            np.stack([found[first][1] for first in starts], 1).astype(np.int32), losses)


def add(fixture):
    fixture.define("gptq", GPTQ)
    for name, levels, group, activation in (
        ("natural", 8, 32, False), ("longGroups", 16, 150, False), ("unevenGroups", 8, 72, False),
        ("channel", 16, 168, False), ("activation", 8, 40, True), ("twoBits", 4, 40, False),
    ):
        rows, columns, tokens = 24, 168, 128
        mixing = normal(f"gptq/mixing/{name}", 40, columns)
        sizes = np.exp(normal(f"gptq/sizes/{name}", columns))
        inputs = ((normal(f"gptq/inputs/{name}", tokens, 40) @ mixing
                   + normal(f"gptq/noise/{name}", tokens, columns)) * sizes).astype(np.float32)
        weight = normal(f"gptq/weight/{name}", rows, columns, scale=0.05)
        codes, found, zeros, losses = gptq(weight, inputs, levels, group, 0.01, activation)
        fixture.add(
            f"gptq/{name}", dict(weight=weight, inputs=inputs),
            dict(codes=codes, scales=found, zeros=zeros, losses=losses), levels=levels, group=group,
            damping=0.01, activation=int(activation))
